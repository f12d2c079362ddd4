-- What has to be true of the rows at any time, for `mugshot verify` (after a restore, or when an operator doubts it) and for
-- the check of the newest jobs that runs each minute.

-- name: LedgerJobPage :many
-- LedgerJobPage walks all jobs by primary key and tells of each whether the ledger has what it should: one charge, one
-- refund if it ended without success, and none otherwise (audit_logs_job_action_key).
select j.id, (
    (select count(*) from audit_logs a where a.job_id = j.id and a.action = 'job_charge') = 1
    and (select count(*) from audit_logs a where a.job_id = j.id and a.action = 'job_refund')
        = (j.status in ('failed', 'canceled'))::int
)::bool as balanced
from jobs j
where j.id > @after
order by j.id
limit @page_size;

-- name: LedgerAssetPage :many
-- LedgerAssetPage walks all ready assets by primary key. Each has its object.
select id, bucket, storage_path, size_bytes
from assets
where status = 'ready' and id > @after
order by id
limit @page_size;

-- name: LedgerViolations :one
-- LedgerViolations counts what does not add up among the newest jobs, at most @most: jobs that were not charged once, or not
-- refunded as their end asks for, and their owners whose balance is not what the last entry of their ledger left, or among
-- whose last ten entries one is not the sum of those before it. Cheap enough to be asked every minute, so it does not see
-- everything: LedgerJobPage and CreditImbalances do. By primary keys, audit_logs_job_action_key and audit_logs_ledger_idx.
with newest as materialized (
    select j.id, j.user_id, j.status from jobs j order by j.id desc limit @most
), owner as (
    select distinct newest.user_id from newest
)
select
    (
        select count(*)
        from newest n
        cross join lateral (
            select
                count(*) filter (where a.action = 'job_charge') as charges,
                count(*) filter (where a.action = 'job_refund') as refunds
            from audit_logs a where a.job_id = n.id
        ) l
        where l.charges <> 1 or l.refunds <> (n.status in ('failed', 'canceled'))::int
    ) as jobs,
    (
        select count(*)
        from owner
        cross join lateral (
            select
                bool_and(e.before is null or e.balance_after = e.before + e.delta_credits) as chained,
                (array_agg(e.balance_after order by e.seq desc))[1] as newest
            from (
                select l.seq, l.balance_after, l.delta_credits, lead(l.balance_after) over (order by l.seq desc) as before
                from (
                    select a.seq, a.balance_after, a.delta_credits from audit_logs a
                    where a.user_id = owner.user_id and a.balance_after is not null
                    order by a.seq desc limit 10
                ) l
            ) e
        ) ledger
        where not ledger.chained
            -- a subquery, since a join would be planned to read all accounts
            or (select u.credits from users u where u.id = owner.user_id) <> coalesce(ledger.newest, 0)
    ) as accounts;
