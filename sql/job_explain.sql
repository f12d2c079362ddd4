-- name: JobExplain :one
-- JobExplain reads a job with what it may wait for, and the database's clock, by which the row is dated. Only what the job
-- waits for is counted, to @most at most: the jobs of its account that are in play and those before it in the account's wait
-- list (jobs_user_status_id_idx, jobs_account_line_idx), and those before it in its provider's (jobs_provider_line_idx). The
-- taken slots of its provider are found by primary keys. It locks nothing. No row: there is no such job.
select sqlc.embed(jobs), now()::timestamptz as read_at,
    (case when jobs.waits_for = 'account' then (
        select count(*) from (
            (select r.id from jobs r where r.user_id = jobs.user_id and r.status = 'running' limit @most)
            union all
            (
                select q.id from jobs q
                where q.user_id = jobs.user_id and q.status = 'queued' and q.waits_for is distinct from 'account' limit @most
            )
        ) in_play
    ) else 0 end)::bigint as account_in_play,
    (case when jobs.waits_for = 'account' then (
        select count(*) from (
            select w.id from jobs w
            where w.user_id = jobs.user_id and w.status = 'queued' and w.waits_for = 'account'
                and (w.run_at, w.id) < (jobs.run_at, jobs.id)
            limit @most
        ) ahead
    ) else 0 end)::bigint as account_ahead,
    (case when jobs.waits_for = 'provider' then (
        select count(*) from (
            select w.id from jobs w
            where w.provider = jobs.provider and w.status = 'queued' and w.waits_for = 'provider'
                and (w.run_at, w.id) < (jobs.run_at, jobs.id)
            limit @most
        ) ahead
    ) else 0 end)::bigint as provider_ahead,
    (
        select count(*) from provider_slots s
        where s.provider = jobs.provider and s.slot <= @provider_calls::int
            and exists (
                select from jobs r
                where r.id = s.job_id and case r.status when 'running' then r.provider_slot = s.slot else false end
            )
    ) as provider_slots_taken
from jobs
where jobs.id = @id;
