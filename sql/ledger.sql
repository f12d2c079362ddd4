-- What has to be true of the rows at any time, for `mugshot verify` (after a restore, or when an operator doubts it) and for
-- the check of the newest jobs that runs each minute.

-- name: LedgerJobPage :many
-- LedgerJobPage walks all jobs by primary key and tells of each whether the ledger has what it should: one charge of its
-- price, and one refund: of all if it failed, and of what was not begun if it was canceled, if that is anything
-- (audit_logs_job_action_key).
select j.id, (
    (select array_agg(a.delta_credits) from audit_logs a where a.job_id = j.id and a.action = 'job_charge')
        is not distinct from array[-j.cost_credits]
    and (select array_agg(a.delta_credits) from audit_logs a where a.job_id = j.id and a.action = 'job_refund')
        is not distinct from case
            when j.status = 'failed' then array[j.cost_credits]
            when j.status = 'canceled' and j.variants_begun < j.variants
                then array[j.cost_credits * (j.variants - j.variants_begun) / j.variants]
        end
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
    select j.id, j.user_id, j.status, j.cost_credits, j.variants, j.variants_begun from jobs j order by j.id desc limit @most
), owner as (
    select distinct newest.user_id from newest
)
select
    (
        select count(*)
        from newest n
        cross join lateral (
            select
                array_agg(a.delta_credits) filter (where a.action = 'job_charge') as charges,
                array_agg(a.delta_credits) filter (where a.action = 'job_refund') as refunds
            from audit_logs a where a.job_id = n.id
        ) l
        where l.charges is distinct from array[-n.cost_credits]
            or l.refunds is distinct from case
                when n.status = 'failed' then array[n.cost_credits]
                when n.status = 'canceled' and n.variants_begun < n.variants
                    then array[n.cost_credits * (n.variants - n.variants_begun) / n.variants]
            end
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
