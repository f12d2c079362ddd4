-- name: CreditGrant :one
-- CreditGrant adds credits to an account with their ledger row. No row: there is no such account.
with account as (
    update users set credits = users.credits + @delta::bigint, updated_at = now()
    where users.id = @user_id
    returning users.id, users.credits
)
insert into audit_logs (id, user_id, action, delta_credits, balance_after, meta)
select @id, account.id, @action::text, @delta::bigint, account.credits, @meta::jsonb from account
returning balance_after;

-- name: CreditEntryList :many
-- CreditEntryList is a page of an account's ledger, newest first (audit_logs_ledger_idx).
select id, seq, action, job_id, delta_credits, balance_after::bigint as balance_after, created_at
from audit_logs
where user_id = @user_id and balance_after is not null and seq < @before_seq
order by seq desc
limit @page_size;

-- name: CreditImbalances :many
-- CreditImbalances lists accounts whose balance is not the sum of their ledger: none, ever. For operators and tests.
select u.id, u.credits, coalesce(sum(a.delta_credits), 0)::bigint as ledger
from users u left join audit_logs a on a.user_id = u.id
group by u.id
having u.credits <> coalesce(sum(a.delta_credits), 0)
order by u.id
limit 100;

-- name: BonusClaimTake :one
-- BonusClaimTake writes down under the newest key that an address has the sign-up bonus, and tells whether it had none before
-- under any key (bonus_claims_pkey). The account's row is locked by its confirmation, so an address is asked for one at a time.
with known as (
    select from bonus_claims where address_hash = any(@hashes::bytea[])
), claim as (
    insert into bonus_claims (address_hash) values (@newest_hash) on conflict do nothing returning given_at
)
select (exists (select from claim) and not exists (select from known))::boolean as is_first;

-- name: BonusClaimKeep :exec
-- BonusClaimKeep writes down that an address has had the sign-up bonus, where its account's ledger has it (audit_logs_ledger_idx).
insert into bonus_claims (address_hash)
select @newest_hash::bytea where exists (
    select from audit_logs a where a.user_id = @user_id and a.balance_after is not null and a.action = 'signup_bonus'
)
on conflict do nothing;
