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

-- name: UserLock :one
-- UserLock locks the account's row, so that no other transaction adds rows to the account until this one ends. No row: it is
-- gone, or its credentials have changed since they were read.
select id from users where id = @id and credentials_version = @credentials_version for update;

-- name: UserDelete :exec
-- UserDelete removes an account with all that hangs on it.
delete from users where id = @id;

-- name: AssetExists :one
-- AssetExists tells whether an account has any picture (assets_user_type_id_idx).
select exists (select from assets where user_id = @user_id);

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
-- ErasureCreate promises that an account's objects will be removed. The caller removes them after the commit; the sweeper does
-- what is left, from @first_seconds on.
insert into erasures (user_id, objects, run_at, final_at)
values (
    @user_id, @objects, now() + make_interval(secs => @first_seconds::float8),
    now() + make_interval(secs => @final_seconds::float8)
);

-- name: ErasureListDue :many
-- ErasureListDue lists the erasures whose next pass is due (erasures_run_idx).
select * from erasures where run_at <= now() order by run_at limit @batch;

-- name: ErasureFinish :execrows
-- ErasureFinish ends an erasure after its last pass, by primary key.
delete from erasures where user_id = @user_id and final_at <= now();

-- name: ErasurePutOff :exec
-- ErasurePutOff schedules the next pass of an erasure, by primary key: the last one after a pass that succeeded, else another
-- try after @delay_seconds.
update erasures
set attempt = attempt + case when @failed::boolean then 1 else 0 end,
    run_at = case when @failed::boolean then now() + make_interval(secs => @delay_seconds::float8) else final_at end
where user_id = @user_id;

-- name: ExportInUTC :exec
-- ExportInUTC lets the rest of the transaction write times in UTC, whatever zone the database is set to.
select set_config('TimeZone', 'UTC', true);

-- name: ExportSessions :many
-- The Export queries read what is stored about an account, a page at a time by primary key, each row as it is handed out:
-- without hashes, leases and other columns that only our code uses. A test compares them with the schema, column by column.
select s.id, jsonb_build_object(
    'id', s.id, 'user_agent', s.user_agent, 'ip', s.ip, 'created_at', s.created_at, 'last_used_at', s.last_used_at,
    'expires_at', s.expires_at, 'revoked_at', s.revoked_at, 'revoke_reason', s.revoke_reason
)::jsonb as item
from sessions s
where s.user_id = @user_id and s.id > @after_id
order by s.id
limit @page_size;

-- name: ExportAssets :many
-- ExportAssets: see ExportSessions.
select a.id, jsonb_build_object(
    'id', a.id, 'type', a.type, 'status', a.status, 'bucket', a.bucket, 'storage_path', a.storage_path,
    'content_type', a.content_type, 'size_bytes', a.size_bytes, 'width', a.width, 'height', a.height, 'md5', a.md5,
    'created_at', a.created_at
)::jsonb as item
from assets a
where a.user_id = @user_id and a.id > @after_id
order by a.id
limit @page_size;

-- name: ExportProjects :many
-- ExportProjects: see ExportSessions.
select p.id, jsonb_build_object(
    'id', p.id, 'mode', p.mode, 'platform', p.platform, 'width', p.width, 'height', p.height, 'status', p.status,
    'prompt_id', p.prompt_id, 'model_pref', p.model_pref, 'seed', p.seed, 'created_at', p.created_at,
    'updated_at', p.updated_at
)::jsonb as item
from projects p
where p.user_id = @user_id and p.id > @after_id
order by p.id
limit @page_size;

-- name: ExportPrompts :many
-- ExportPrompts: see ExportSessions.
select r.id, jsonb_build_object(
    'id', r.id, 'project_id', r.project_id, 'headline', r.headline, 'subtext', r.subtext, 'vibe', r.vibe,
    'details', r.details, 'ref_asset_ids', r.ref_asset_ids, 'selfie_asset_id', r.selfie_asset_id,
    'copy_target_asset_id', r.copy_target_asset_id, 'created_at', r.created_at
)::jsonb as item
from prompts r join projects p on p.id = r.project_id
where p.user_id = @user_id and r.id > @after_id
order by r.id
limit @page_size;

-- name: ExportJobs :many
-- ExportJobs: see ExportSessions.
select j.id, jsonb_build_object(
    'id', j.id, 'project_id', j.project_id, 'prompt_id', j.prompt_id, 'mode', j.mode, 'platform', j.platform,
    'model', j.model, 'quality', j.quality, 'variants', j.variants, 'width', j.width, 'height', j.height,
    'seed', j.seed, 'consent', j.consent, 'status', j.status, 'cost_credits', j.cost_credits,
    'refunded', j.refunded, 'refunded_credits', j.refunded_credits, 'variants_begun', j.variants_begun,
    'error_code', j.error_code, 'error_message', j.error_message, 'queued_at', j.queued_at,
    'started_at', j.started_at, 'finished_at', j.finished_at
)::jsonb as item
from jobs j
where j.user_id = @user_id and j.id > @after_id
order by j.id
limit @page_size;

-- name: ExportRenders :many
-- ExportRenders: see ExportSessions.
select r.id, jsonb_build_object(
    'id', r.id, 'job_id', r.job_id, 'variant', r.variant, 'asset_id', r.asset_id, 'created_at', r.created_at
)::jsonb as item
from renders r join jobs j on j.id = r.job_id
where j.user_id = @user_id and r.id > @after_id
order by r.id
limit @page_size;

-- name: ExportChats :many
-- ExportChats: see ExportSessions.
select c.id, jsonb_build_object(
    'id', c.id, 'session_name', c.session_name, 'project_id', c.project_id, 'created_at', c.created_at,
    'updated_at', c.updated_at
)::jsonb as item
from chats c
where c.user_id = @user_id and c.id > @after_id
order by c.id
limit @page_size;

-- name: ExportMessages :many
-- ExportMessages: see ExportSessions.
select m.id, jsonb_build_object(
    'id', m.id, 'chat_id', m.chat_id, 'seq', m.seq, 'sender', m.sender, 'content', m.content, 'status', m.status,
    'suggestion', m.suggestion, 'created_at', m.created_at
)::jsonb as item
from messages m join chats c on c.id = m.chat_id
where c.user_id = @user_id and m.id > @after_id
order by m.id
limit @page_size;

-- name: ExportEvents :many
-- ExportEvents: see ExportSessions. Security events and the ledger.
select a.id, jsonb_build_object(
    'id', a.id, 'action', a.action, 'job_id', a.job_id, 'delta_credits', a.delta_credits,
    'balance_after', a.balance_after, 'ip', a.ip, 'user_agent', a.user_agent, 'meta', a.meta,
    'created_at', a.created_at
)::jsonb as item
from audit_logs a
where a.user_id = @user_id and a.id > @after_id
order by a.id
limit @page_size;

-- name: ExportMails :many
-- ExportMails: see ExportSessions.
select o.id, jsonb_build_object(
    'id', o.id, 'kind', o.kind, 'status', o.status, 'created_at', o.created_at, 'sent_at', o.sent_at
)::jsonb as item
from outbox_mails o
where o.user_id = @user_id and o.id > @after_id
order by o.id
limit @page_size;
