-- name: MailEnqueue :exec
-- MailEnqueue promises a mail in the caller's transaction. It counts as pushed, since the caller pushes it after the
-- commit; the sweeper looks after those whose push was lost.
insert into outbox_mails (id, user_id, kind, facts, request_id, traceparent, pushed_at)
values (@id, @user_id, @kind, @facts, sqlc.narg('request_id'), sqlc.narg('traceparent'), now());

-- name: MailEnqueueByEmail :one
-- MailEnqueueByEmail promises a mail to the account with an address (users_email_key), and returns the account. Without such an
-- account, with one that is confirmed already where the mail is to confirm it, and soon after the last mail of the kind
-- (outbox_mails_user_idx), the same row is written for no account, so that the work done does not tell these apart. Soon is
-- within a minute, and within five after five mails in an hour. The caller has taken AddressLock in a statement before this
-- one (plan: statement by statement).
with owner as (
    select (
        select u.id from users u
        where lower(u.email) = lower(@email) and (@kind::text <> 'confirm_email' or u.email_confirmed_at is null)
    ) as user_id
), recent as (
    select max(o.created_at) as newest, count(*) as in_hour
    from outbox_mails o
    where o.user_id = (select owner.user_id from owner) and o.kind = @kind::text and o.status <> 'failed'
        and o.created_at > now() - interval '1 hour'
), promised as (
    insert into outbox_mails (id, user_id, kind, request_id, traceparent, pushed_at)
    select @id, case
        when recent.newest > now() - interval '1 minute' then null
        when recent.in_hour >= 5 and recent.newest > now() - interval '5 minutes' then null
        else owner.user_id
    end, @kind::text, sqlc.narg('request_id'), sqlc.narg('traceparent'), now()
    from owner, recent
)
select u.id as user_id from owner left join users u on u.id = owner.user_id;

-- name: MailEnqueueLocked :execrows
-- MailEnqueueLocked promises the owner of an address a mail about the lock on the account, unless one was promised
-- within a day: an attacker who goes on guessing must not fill a mailbox. An unknown address costs the same.
insert into outbox_mails (id, user_id, kind, facts, request_id, traceparent, pushed_at)
select @id, owner.user_id, 'account_locked', @facts, sqlc.narg('request_id'), sqlc.narg('traceparent'), now()
from (select (select u.id from users u where lower(u.email) = lower(@email)) as user_id) owner
where not exists (
    select from outbox_mails o
    where o.user_id = owner.user_id and o.kind = 'account_locked' and o.created_at > now() - interval '1 day'
);

-- name: MailClaim :one
-- MailClaim takes a lease on a mail that is due or whose lease has lapsed. No row: another worker has its lease, it is not due, or it
-- has ended.
-- plan: primary key only
update outbox_mails
set status = 'sending', attempt = attempt + 1, lease_token = lease_token + 1, pushes = 0,
    lease_until = now() + make_interval(secs => @lease_seconds::float8)
where id = @id and attempt < @max_attempts
    and case status when 'queued' then run_at <= now() when 'sending' then lease_until < now() else false end
returning *;

-- name: MailRenew :execrows
-- MailRenew prolongs a lease. No row: the lease is no longer the caller's.
-- plan: primary key only
update outbox_mails set lease_until = now() + make_interval(secs => @lease_seconds::float8)
where id = @id and case status when 'sending' then lease_token = @lease_token else false end;

-- name: MailSent :one
-- MailSent ends a mail that the mail server has taken. No row: the lease is no longer the caller's.
-- plan: primary key only
update outbox_mails set status = 'sent', sent_at = now(), lease_until = null, error = null
where id = @id and case status when 'sending' then lease_token = @lease_token else false end
returning id;

-- name: MailRetry :one
-- MailRetry puts a mail back until later. A released attempt (the worker drains) does not count. No row: the lease is no
-- longer the caller's.
-- plan: primary key only
update outbox_mails
set status = 'queued', lease_until = null, error = @error::text, pushes = 0, pushed_at = null,
    attempt = attempt - case when @released::boolean then 1 else 0 end,
    run_at = now() + make_interval(secs => @delay_seconds::float8)
where id = @id and case status when 'sending' then lease_token = @lease_token else false end
returning id;

-- name: MailDrop :one
-- MailDrop deletes a mail that has lost its purpose. No row: the lease is no longer the caller's.
-- plan: primary key only
delete from outbox_mails where id = @id and case status when 'sending' then lease_token = @lease_token else false end
returning id;

-- name: MailFail :one
-- MailFail gives a mail up. No row: the lease is no longer the caller's.
-- plan: primary key only
update outbox_mails set status = 'failed', lease_until = null, error = @error::text
where id = @id and case status when 'sending' then lease_token = @lease_token else false end
returning id;

-- name: MailFailExhausted :execrows
-- MailFailExhausted gives up mails whose last try died with its worker (outbox_mails_leased_idx).
update outbox_mails set status = 'failed', lease_until = null, error = 'worker lost'
where status = 'sending' and lease_until < now() and attempt >= @max_attempts;

-- name: MailMarkDue :many
-- MailMarkDue marks the mails whose ids are to be pushed (again) as pushed: those that are due and were not pushed since,
-- those pushed too long ago (longer each time), those whose lease lapsed; with pushed_before, all that were last pushed
-- before it. Served by outbox_mails_queued_idx and outbox_mails_leased_idx; rows locked elsewhere are passed over.
with waiting as (
    select o.id from outbox_mails o
    where o.status = 'queued' and o.run_at <= now() and (
        o.pushed_at is null or o.pushed_at < sqlc.narg('pushed_before')::timestamptz or o.pushed_at < o.run_at
        or o.pushed_at < now() - sqlc.arg('repush_after_seconds')::float8 * (1 << o.pushes) * interval '1 second'
    )
    order by o.run_at limit @batch for update skip locked
), lapsed as (
    select o.id from outbox_mails o
    where o.status = 'sending' and o.lease_until < now() and o.attempt < @max_attempts
        and (
            o.pushed_at is null or o.pushed_at < sqlc.narg('pushed_before')::timestamptz or o.pushed_at < o.lease_until
            or o.pushed_at < now() - sqlc.arg('repush_after_seconds')::float8 * (1 << o.pushes) * interval '1 second'
        )
    order by o.lease_until limit @batch for update skip locked
)
update outbox_mails set pushed_at = now(), pushes = case when pushes < 6 then pushes + 1 else pushes end
where outbox_mails.id in (select waiting.id from waiting union all select lapsed.id from lapsed)
returning outbox_mails.id;

-- name: MailUnmark :exec
-- MailUnmark takes back MailMarkDue for mails whose push failed.
update outbox_mails set pushed_at = null, pushes = greatest(pushes - 1, 0) where id = any(@ids::uuid[]);

-- name: MailPrune :execrows
-- MailPrune forgets mails that ended long ago (outbox_mails_ended_idx).
delete from outbox_mails
where status in ('sent', 'failed') and created_at < now() - make_interval(secs => @keep_seconds::float8);
