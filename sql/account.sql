-- name: UserUpdate :one
-- UserUpdate changes the members that are given. The photo has to be a ready profile photo of the account: another one
-- leaves the account without, which the caller then sees.
update users
set username = coalesce(sqlc.narg('username'), users.username), full_name = coalesce(sqlc.narg('full_name'), users.full_name),
    dob = coalesce((sqlc.narg('dob')::timestamptz at time zone 'UTC')::date, users.dob),
    profile_photo_asset_id = case when @set_photo::boolean then (
        select a.id from assets a
        where a.id = sqlc.narg('photo')::uuid and a.user_id = users.id and a.type = 'profile_photo' and a.status = 'ready'
    ) else users.profile_photo_asset_id end,
    updated_at = @now::timestamptz
where users.id = @id
returning *;

-- name: UserDelete :execrows
-- UserDelete removes an account with all that hangs on it, unless its credentials have changed since they were read.
delete from users where id = @id and credentials_version = @credentials_version;

-- name: AuditBlank :exec
-- AuditBlank takes from an account's events where they came from (audit_logs_user_idx). The rows stay, and with the
-- account's deletion lose its id.
update audit_logs set ip = null, user_agent = null where user_id = @user_id and (ip is not null or user_agent is not null);

-- name: AssetListAstray :many
-- AssetListAstray lists an account's objects that do not lie under its own prefix.
select bucket, storage_path from assets
where user_id = @user_id and not starts_with(storage_path, @prefix::text)
order by id;

-- name: ErasureCreate :exec
-- ErasureCreate promises that an account's objects will be removed. It counts as pushed, since the caller sees to it
-- after the commit; the sweeper looks after those that were lost.
insert into erasures (user_id, objects, final_at, pushed_at)
values (@user_id, @objects, now() + make_interval(secs => @final_seconds::float8), now());

-- name: ErasureGet :one
-- ErasureGet reads what is due of an erasure, by primary key. No row: it is done, or not due.
select * from erasures where user_id = @user_id and run_at <= now();

-- name: ErasureFinish :execrows
-- ErasureFinish ends an erasure after its last pass.
delete from erasures where user_id = @user_id and final_at <= now();

-- name: ErasurePutOff :exec
-- ErasurePutOff lets an erasure be looked at again: at its end after a pass that went well, else after a while.
update erasures
set attempt = attempt + case when @failed::boolean then 1 else 0 end, pushes = 0, pushed_at = null,
    run_at = case when @failed::boolean then now() + make_interval(secs => @delay_seconds::float8) else final_at end
where user_id = @user_id;

-- name: ErasureMarkDue :many
-- ErasureMarkDue picks erasures that somebody should be told of (again) and notes that they are told; see MailMarkDue.
-- Served by erasures_run_idx; rows locked elsewhere are passed over.
with due as (
    select e.user_id from erasures e
    where e.run_at <= now() and (
        e.pushed_at is null or e.pushed_at < sqlc.narg('since')::timestamptz or e.pushed_at < e.run_at
        or e.pushed_at < now() - sqlc.arg('patience_seconds')::float8 * (1 << e.pushes) * interval '1 second'
    )
    order by e.run_at limit @batch for update skip locked
)
update erasures set pushed_at = now(), pushes = case when pushes < 6 then pushes + 1 else pushes end
where erasures.user_id in (select due.user_id from due)
returning erasures.user_id;

-- name: ErasureUnmark :exec
-- ErasureUnmark takes back ErasureMarkDue for those whose push failed.
update erasures set pushed_at = null, pushes = greatest(pushes - 1, 0) where user_id = any(@ids::uuid[]);
