-- name: JobPark :one
-- JobPark puts a job that could not be claimed on the wait list of its provider. No row: it is not due, or waits already.
-- plan: primary key only
update jobs set waits_for = 'provider'
where id = @id and case status when 'queued' then run_at <= now() and waits_for is null else false end
returning provider;

-- name: JobLockAccount :exec
-- JobLockAccount keeps other transactions from giving out slots of an account, and from queueing for it, until the
-- transaction ends. By primary key.
update users set job_turns = job_turns + 1 where id = @user_id;

-- name: JobWakeByAccount :many
-- JobWakeByAccount gives the free slots of an account to its jobs that wait for one, the oldest first
-- (jobs_account_line_idx). The caller has locked the account in a statement before, so that this one sees the slots that
-- other transactions have given out. Jobs that are being ended are passed over.
with slots as (
    select (sqlc.arg('user_jobs')::int - count(in_play.id))::int as free from (
        (select j.id from jobs j where j.user_id = @user_id and j.status = 'running')
        union all
        (
            select j.id from jobs j
            where j.user_id = @user_id and j.status = 'queued' and j.waits_for is distinct from 'account'
        )
        limit @user_jobs::int
    ) in_play
), next as (
    select j.id from jobs j
    where j.user_id = @user_id and j.status = 'queued' and j.waits_for = 'account'
    order by j.run_at, j.id
    limit (select slots.free from slots) for update skip locked
)
update jobs set waits_for = null, run_at = now(), pushes = 0, pushed_at = case when @pushed::boolean then now() end
where jobs.id in (select next.id from next)
returning jobs.id;

-- name: JobWakeByProvider :many
-- JobWakeByProvider wakes as many jobs that wait for a provider as it has free slots, at most @most, those first that came
-- into play first (jobs_provider_line_idx). One too many does no harm: it is parked again, where it was.
-- plan: primary key only
with slots as (
    select least(count(s.slot), sqlc.arg('most')::int)::int as free from provider_slots s
    where s.provider = @provider and s.slot <= @provider_calls::int
        and not exists (
            select from jobs r
            where r.id = s.job_id and case r.status when 'running' then r.provider_slot = s.slot else false end
        )
), next as (
    select j.id from jobs j
    where j.provider = @provider and j.status = 'queued' and j.waits_for = 'provider'
    order by j.run_at, j.id
    limit (select slots.free from slots) for update skip locked
)
update jobs set waits_for = null, pushes = 0, pushed_at = case when @pushed::boolean then now() end
where jobs.id in (select next.id from next)
returning jobs.id;

-- name: JobListStalled :many
-- JobListStalled lists accounts after @after_id and says whether their jobs wait although there are free slots: the worker
-- that should have woken them died, or the limit was raised. It goes from account to account in jobs_account_line_idx,
-- however many jobs of each wait.
-- plan: from one value to the next
with recursive waiting as (
    (
        select j.user_id from jobs j
        where j.status = 'queued' and j.waits_for = 'account' and j.user_id > @after_id
        order by j.user_id limit 1
    )
    union all
    select (
        select j.user_id from jobs j
        where j.status = 'queued' and j.waits_for = 'account' and j.user_id > waiting.user_id
        order by j.user_id limit 1
    )
    from waiting where waiting.user_id is not null
)
select looked.user_id::uuid as user_id, (
    select count(in_play.id) from (
        (select j.id from jobs j where j.user_id = looked.user_id and j.status = 'running')
        union all
        (
            select j.id from jobs j
            where j.user_id = looked.user_id and j.status = 'queued' and j.waits_for is distinct from 'account'
        )
        limit @user_jobs::int
    ) in_play
) < @user_jobs::int as stalled
from (select waiting.user_id from waiting where waiting.user_id is not null limit @batch) looked;

-- name: JobListAwaitedProviders :many
-- JobListAwaitedProviders lists the providers that jobs wait for, going from one to the next in jobs_provider_line_idx.
-- plan: from one value to the next
with recursive waiting as (
    (
        select j.provider from jobs j
        where j.status = 'queued' and j.waits_for = 'provider'
        order by j.provider limit 1
    )
    union all
    select (
        select j.provider from jobs j
        where j.status = 'queued' and j.waits_for = 'provider' and j.provider > waiting.provider
        order by j.provider limit 1
    )
    from waiting where waiting.provider is not null
)
select waiting.provider::text as provider from waiting where waiting.provider is not null;

-- name: SlotMake :execrows
-- SlotMake makes the slots of a provider that are missing.
insert into provider_slots (provider, slot)
select @provider, n from generate_series(1, @provider_calls::int) n
where (select count(*) from provider_slots s where s.provider = @provider and s.slot <= @provider_calls::int) < @provider_calls::int
on conflict do nothing;
