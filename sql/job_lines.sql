-- name: JobHold :one
-- JobHold lets a job that could not be claimed wait for its provider. No row: it is not due, or waits already. By primary
-- key: a case hides the states from the planner, which would else take an index of all that wait (jobs_pushed_idx) for empty.
update jobs set waits_for = 'provider'
where id = @id and case status when 'queued' then run_at <= now() and waits_for is null else false end
returning provider;

-- name: JobLockAccount :exec
-- JobLockAccount keeps others from giving out places of an account, and from queueing for it, until the transaction
-- ends. By primary key.
update users set job_turns = job_turns + 1 where id = @user_id;

-- name: JobCallAccount :many
-- JobCallAccount gives the free places of an account to its jobs that wait for one, the oldest first
-- (jobs_account_line_idx). The caller has locked the account in a statement before, so that this one sees what others
-- have given out. Jobs that somebody is ending are passed over.
with place as (
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
    limit (select place.free from place) for update skip locked
)
update jobs set waits_for = null, run_at = now(), pushes = 0, pushed_at = case when @pushed::boolean then now() end
where jobs.id in (select next.id from next)
returning jobs.id;

-- name: JobCallProvider :many
-- JobCallProvider wakes as many jobs that wait for a provider as it has free slots, at most @most, those first that came
-- into play first (jobs_provider_line_idx; what runs by primary key, see JobClaim). One too many does no harm: it waits again, where it was.
with slot as (
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
    limit (select slot.free from slot) for update skip locked
)
update jobs set waits_for = null, pushes = 0, pushed_at = case when @pushed::boolean then now() end
where jobs.id in (select next.id from next)
returning jobs.id;

-- name: JobListStalled :many
-- JobListStalled lists accounts after @after_id whose jobs wait although there are places: the worker that should have
-- called them died, or there are more places than there were. It goes from account to account in jobs_account_line_idx,
-- however many jobs of each wait.
with recursive line as (
    (
        select j.user_id from jobs j
        where j.status = 'queued' and j.waits_for = 'account' and j.user_id > @after_id
        order by j.user_id limit 1
    )
    union all
    select (
        select j.user_id from jobs j
        where j.status = 'queued' and j.waits_for = 'account' and j.user_id > line.user_id
        order by j.user_id limit 1
    )
    from line where line.user_id is not null
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
from (select line.user_id from line where line.user_id is not null limit @batch) looked;

-- name: JobListProviderLines :many
-- JobListProviderLines lists the providers that jobs wait for, going from one to the next in jobs_provider_line_idx.
with recursive line as (
    (
        select j.provider from jobs j
        where j.status = 'queued' and j.waits_for = 'provider'
        order by j.provider limit 1
    )
    union all
    select (
        select j.provider from jobs j
        where j.status = 'queued' and j.waits_for = 'provider' and j.provider > line.provider
        order by j.provider limit 1
    )
    from line where line.provider is not null
)
select line.provider::text as provider from line where line.provider is not null;

-- name: SlotMake :execrows
-- SlotMake makes the slots of a provider that are missing.
insert into provider_slots (provider, slot)
select @provider, n from generate_series(1, @provider_calls::int) n
where (select count(*) from provider_slots s where s.provider = @provider and s.slot <= @provider_calls::int) < @provider_calls::int
on conflict do nothing;
