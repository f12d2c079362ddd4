-- Conversations. seq is taken from chats.last_seq in the inserting statement, whose row lock orders the writers of
-- one chat and of no other.

create table if not exists chats (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    session_name text not null default '',
    project_id uuid references projects (id) on delete set null,
    last_seq bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
) with (fillfactor = 50);

-- updated_at stays out of the index: each message changes it, and an index on it would make every such update a full one.
create index if not exists chats_user_idx on chats (user_id);
create index if not exists chats_project_idx on chats (project_id) where project_id is not null;

create table if not exists messages (
    id uuid primary key,
    chat_id uuid not null references chats (id) on delete cascade,
    seq bigint not null check (seq > 0),
    sender text not null check (sender in ('user', 'system', 'ai')),
    content text not null default '',
    status text not null default 'complete' check (status in ('complete', 'pending', 'streaming', 'failed')),
    -- grows with each change of the row; with seq it makes the id of its event
    revision bigint not null default 1,
    error_code text,
    error_message text,
    suggestion jsonb,
    attempt int not null default 0,
    run_at timestamptz not null default now(),
    pushed_at timestamptz,
    pushes int not null default 0,
    lease_until timestamptz,
    lease_token bigint not null default 0,
    -- of a reply: whose it is, and which of the account's few places it takes until it has ended
    user_id uuid,
    place int,
    -- which request asked for a reply, and the span that it was asked in (W3C Trace Context, traceparent); null: nobody knows
    request_id text,
    traceparent text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint messages_streaming_is_leased check ((status = 'streaming') = (lease_until is not null)),
    constraint messages_unfinished_has_place check (
        status not in ('pending', 'streaming') or sender = 'ai' and user_id is not null and place is not null
    )
);

create unique index if not exists messages_chat_seq_key on messages (chat_id, seq);
create index if not exists messages_pending_idx on messages (run_at) where status = 'pending';
create index if not exists messages_leased_idx on messages (lease_until) where status = 'streaming';
create index if not exists messages_failed_idx on messages (created_at) where status = 'failed';
create unique index if not exists messages_place_key on messages (user_id, place) where status in ('pending', 'streaming');
