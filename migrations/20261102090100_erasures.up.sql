-- Accounts that are gone while their objects may still lie in storage. The row is written in the transaction that
-- deletes the account, and goes when storage is known to be empty of it: a crash between the two forgets nothing.

create table if not exists erasures (
    -- of the account that was, and the prefix of its objects; no foreign key, since it is gone
    user_id uuid primary key,
    -- objects that lie elsewhere: [{"bucket": …, "path": …}]
    objects jsonb not null default '[]',
    attempt int not null default 0,
    created_at timestamptz not null default now(),
    -- when to look, and when for the last time: uploads that were signed and jobs that ran may add objects for a while
    run_at timestamptz not null default now(),
    final_at timestamptz not null
);

create index if not exists erasures_run_idx on erasures (run_at);

alter table erasures enable row level security;
