-- What happened, for good: every change of credits and every security event. Rows are added and never changed; when an
-- account goes, its rows stay without a name.

create table if not exists audit_logs (
    id uuid primary key,
    -- the order of the ledger: taken under the lock of the account's row, so it never disagrees with the balances
    seq bigint not null generated always as identity,
    user_id uuid references users (id) on delete set null,
    action text not null,
    -- no foreign key: the ledger outlives its jobs
    job_id uuid,
    delta_credits bigint not null default 0,
    balance_after bigint check (balance_after >= 0),
    ip text,
    user_agent text,
    meta jsonb not null default '{}',
    created_at timestamptz not null default now(),
    constraint audit_logs_ledger_is_whole check (delta_credits = 0 or balance_after is not null)
);

-- One charge and one refund a job at the most, whatever the code does.
create unique index if not exists audit_logs_job_action_key on audit_logs (job_id, action) where job_id is not null;
create index if not exists audit_logs_user_idx on audit_logs (user_id, seq desc);
create index if not exists audit_logs_ledger_idx on audit_logs (user_id, seq desc) where balance_after is not null;
