-- name: BacklogByKind :many
-- BacklogByKind counts the tasks of each kind in each state, at most @most rows of each, and finds the age of the oldest
-- that has not ended. waiting are those that may be claimed, parked those that wait for a slot of their account or of
-- their provider, retrying those that wait for another attempt. Served by the partial indexes on each state. When a mail failed is not written
-- down; when it was last due is near enough.
with job as (
    select q.status, q.waits_for, q.attempt, q.queued_at as since from (
        select j.status, j.waits_for, j.attempt, j.queued_at from jobs j
        where j.status = 'queued' and j.finished_at is null order by j.queued_at limit @most
    ) q
    union all
    select q.status, q.waits_for, q.attempt, q.queued_at from (
        select j.status, j.waits_for, j.attempt, j.queued_at from jobs j where j.status = 'running' order by j.lease_until limit @most
    ) q
), mail as (
    select q.status, q.attempt, q.created_at as since from (
        select o.status, o.attempt, o.created_at from outbox_mails o where o.status = 'queued' order by o.run_at limit @most
    ) q
    union all
    select q.status, q.attempt, q.created_at from (
        select o.status, o.attempt, o.created_at from outbox_mails o where o.status = 'sending' order by o.lease_until limit @most
    ) q
), reply as (
    select q.status, q.attempt, q.created_at as since from (
        select m.status, m.attempt, m.created_at from messages m where m.status = 'pending' order by m.run_at limit @most
    ) q
    union all
    select q.status, q.attempt, q.created_at from (
        select m.status, m.attempt, m.created_at from messages m where m.status = 'streaming' order by m.lease_until limit @most
    ) q
)
select
    'generate'::text as kind,
    count(*) filter (where job.status = 'queued' and job.waits_for is null and job.attempt = 0) as waiting,
    count(*) filter (where job.waits_for is not null) as parked,
    count(*) filter (where job.status = 'queued' and job.waits_for is null and job.attempt > 0) as retrying,
    count(*) filter (where job.status = 'running') as running,
    (
        select count(*) from (
            select j.id from jobs j where j.status = 'failed' and j.finished_at > now() - interval '1 hour' limit @most
        ) failed
    ) as failed_last_hour,
    coalesce(extract(epoch from now() - min(job.since)), 0)::float8 as oldest_seconds
from job
union all
select
    'mail', count(*) filter (where mail.status = 'queued' and mail.attempt = 0), 0,
    count(*) filter (where mail.status = 'queued' and mail.attempt > 0), count(*) filter (where mail.status = 'sending'),
    (
        select count(*) from (
            select o.id from outbox_mails o
            where o.status = 'failed' and o.created_at > now() - interval '1 day' and o.run_at > now() - interval '1 hour'
            limit @most
        ) failed
    ), coalesce(extract(epoch from now() - min(mail.since)), 0)::float8
from mail
union all
select
    'reply', count(*) filter (where reply.status = 'pending' and reply.attempt = 0), 0,
    count(*) filter (where reply.status = 'pending' and reply.attempt > 0),
    count(*) filter (where reply.status = 'streaming'),
    (
        select count(*) from (
            select m.id from messages m
            where m.status = 'failed' and m.created_at > now() - interval '1 day' and m.updated_at > now() - interval '1 hour'
            limit @most
        ) failed
    ), coalesce(extract(epoch from now() - min(reply.since)), 0)::float8
from reply;

-- name: BacklogByProvider :many
-- BacklogByProvider counts the jobs that providers draw and that wait for them, at most @most rows of each.
select busy.provider, count(*) filter (where busy.status = 'running') as running,
    count(*) filter (where busy.status = 'queued') as parked
from (
    select r.provider, r.status from (
        select j.provider, j.status from jobs j where j.status = 'running' order by j.lease_until limit @most
    ) r
    union all
    select h.provider, h.status from (
        select j.provider, j.status from jobs j
        where j.status = 'queued' and j.waits_for = 'provider' order by j.provider, j.run_at limit @most
    ) h
) busy
group by busy.provider
order by busy.provider;

-- name: DeadJobs :many
-- DeadJobs lists jobs that failed through no fault of their owners and that no operator has dealt with yet, newest first
-- (jobs_failed_idx).
select j.id, j.finished_at::timestamptz as failed_at, j.attempt, j.error_code::text as reason
from jobs j
where j.status = 'failed' and j.handled_at is null and j.error_code not in ('content_blocked', 'invalid_image')
order by j.finished_at desc
limit @most;

-- name: DeadMails :many
-- DeadMails lists mails that were given up, newest first (outbox_mails_failed_idx).
select o.id, o.run_at as failed_at, o.attempt, o.kind, coalesce(o.error, '')::text as reason
from outbox_mails o
where o.status = 'failed'
order by o.created_at desc
limit @most;

-- name: DeadMailRetry :execrows
-- DeadMailRetry lets a mail that was given up be tried anew, by primary key.
update outbox_mails
set status = 'queued', attempt = 0, error = null, run_at = now(), pushed_at = now(), pushes = 0
where id = @id and status = 'failed';

-- name: DeadMailDrop :execrows
-- DeadMailDrop forgets a mail that was given up, by primary key.
delete from outbox_mails where id = @id and status = 'failed';
