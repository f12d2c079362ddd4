-- Promises made inside a transaction and kept after it: mails to be sent, answers to be given again.

create table if not exists outbox_mails (
    id uuid primary key,
    -- null: asked for an address that has no account. Nothing is sent, but the asking cost the same.
    user_id uuid references users (id) on delete cascade,
    -- what to say; the address is the account's, and a code or link is minted only when the mail is sent
    kind text not null check (kind in ('confirm_email', 'reset_password', 'password_changed', 'account_locked')),
    -- what else it says; never a secret
    facts jsonb not null default '{}',
    status text not null default 'queued' check (status in ('queued', 'sending', 'sent', 'failed')),
    attempt int not null default 0,
    error text,
    created_at timestamptz not null default now(),
    sent_at timestamptz,
    run_at timestamptz not null default now(),
    pushed_at timestamptz,
    pushes int not null default 0,
    lease_until timestamptz,
    lease_token bigint not null default 0,
    -- which request asked for it, and the span that it was asked in (W3C Trace Context, traceparent); null: nobody knows
    request_id text,
    traceparent text,
    constraint outbox_mails_sending_is_leased check ((status = 'sending') = (lease_until is not null))
);

create index if not exists outbox_mails_user_idx on outbox_mails (user_id);
create index if not exists outbox_mails_queued_idx on outbox_mails (run_at) where status = 'queued';
create index if not exists outbox_mails_leased_idx on outbox_mails (lease_until) where status = 'sending';
create index if not exists outbox_mails_ended_idx on outbox_mails (created_at) where status in ('sent', 'failed');
create index if not exists outbox_mails_failed_idx on outbox_mails (created_at) where status = 'failed';

create table if not exists idempotency_keys (
    user_id uuid not null references users (id) on delete cascade,
    operation text not null,
    key text not null check (length(key) between 1 and 255),
    request_hash bytea not null check (length(request_hash) = 32),
    -- what the operation's result was; null only inside the transaction that is finding out
    result jsonb,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    primary key (user_id, operation, key)
);

create index if not exists idempotency_keys_expiry_idx on idempotency_keys (expires_at);
