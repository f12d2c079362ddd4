-- The least that the measured work needs, for the floor and the peer.

create table users (
    id uuid primary key default gen_random_uuid(),
    email text not null unique,
    username text not null unique,
    full_name text,
    password_hash text,
    plan text not null default 'free',
    credits bigint not null default 0 check (credits >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table refresh_tokens (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    token_hash bytea not null unique,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null
);

create index refresh_tokens_user_idx on refresh_tokens (user_id);

create table projects (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    mode text not null default 'design',
    platform text,
    created_at timestamptz not null default now()
);

create index projects_user_idx on projects (user_id);

create table chats (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references users (id) on delete cascade,
    session_name text,
    last_seq bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index chats_user_idx on chats (user_id, updated_at desc);

create table messages (
    id uuid primary key default gen_random_uuid(),
    chat_id uuid not null references chats (id) on delete cascade,
    seq bigint not null,
    sender text not null check (sender in ('user', 'system', 'ai')),
    content text not null,
    created_at timestamptz not null default now(),
    unique (chat_id, seq)
);

create table jobs (
    id uuid primary key default gen_random_uuid(),
    project_id uuid not null references projects (id) on delete cascade,
    user_id uuid not null references users (id) on delete cascade,
    model text not null,
    quality text not null,
    variants int not null,
    status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed', 'canceled')),
    cost_credits int not null,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz
);

create index jobs_project_idx on jobs (project_id);
create index jobs_created_idx on jobs (created_at);

create table audit_logs (
    id bigint generated always as identity primary key,
    user_id uuid references users (id) on delete set null,
    action text not null,
    delta_credits int not null default 0,
    meta jsonb,
    created_at timestamptz not null default now()
);

create index audit_logs_user_idx on audit_logs (user_id, created_at);
