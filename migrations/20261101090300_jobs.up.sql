-- Work that was paid for. The row is the truth about a job; a message in Redis only says that somebody may claim it.

create table if not exists jobs (
    id uuid primary key,
    project_id uuid not null references projects (id) on delete cascade,
    user_id uuid not null references users (id) on delete cascade,
    -- the prompt as it was when the job was queued
    prompt_id uuid not null references prompts (id) on delete cascade,
    mode text not null check (mode in ('design', 'copy')),
    platform text not null,
    model text not null,
    -- who draws it, whose calls are counted
    provider text not null default '',
    quality text not null check (quality in ('draft', 'std', '4k')),
    variants int not null check (variants between 1 and 4),
    width int not null check (width > 0),
    height int not null check (height > 0),
    seed bigint not null,
    consent jsonb,
    status text not null default 'queued' check (status in ('queued', 'running', 'succeeded', 'failed', 'canceled')),
    stage text not null default 'waiting'
        check (stage in ('waiting', 'preparing', 'moderating', 'generating', 'storing', 'done')),
    progress int not null default 0 check (progress between 0 and 100),
    attempt int not null default 0,
    cost_credits bigint not null check (cost_credits >= 0),
    refunded boolean not null default false,
    error_code text,
    error_message text,
    provider_meta jsonb,
    -- grows with each change that a reader can see; the id of its event
    version bigint not null default 1,
    queued_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    -- not to be claimed before
    run_at timestamptz not null default now(),
    -- what a queued job waits for before it is pushed: one of the places that its account has, or of the calls that its
    -- provider takes; null: nothing
    waits_for text check (waits_for in ('account', 'provider')),
    -- when its id was last pushed to Redis, and how often; null: never, which is the sweeper's business
    pushed_at timestamptz,
    pushes int not null default 0,
    -- who holds it: the lease ends by itself, the token fences late writers
    lease_until timestamptz,
    lease_token bigint not null default 0,
    -- which of its provider's slots it holds while it runs
    provider_slot int,
    -- when an operator dealt with its failure
    handled_at timestamptz,
    -- which request asked for it, and the span that it was asked in (W3C Trace Context, traceparent); null: nobody knows
    request_id text,
    traceparent text,
    constraint jobs_finished_is_dated check ((status in ('queued', 'running')) = (finished_at is null)),
    constraint jobs_running_is_leased check ((status = 'running') = (lease_until is not null)),
    constraint jobs_queued_alone_waits check (waits_for is null or status = 'queued'),
    constraint jobs_failed_says_why check (status <> 'failed' or error_code is not null)
) with (fillfactor = 80);

create index if not exists jobs_user_idx on jobs (user_id, id desc);
create index if not exists jobs_user_status_idx on jobs (user_id, status, id desc);
create index if not exists jobs_project_idx on jobs (project_id, id desc);
create index if not exists jobs_prompt_idx on jobs (prompt_id);
create index if not exists jobs_queued_idx on jobs (run_at) where status = 'queued' and waits_for is null;
create index if not exists jobs_leased_idx on jobs (lease_until) where status = 'running';
create index if not exists jobs_waiting_idx on jobs (queued_at) where status = 'queued';
create index if not exists jobs_account_line_idx on jobs (user_id, run_at) where status = 'queued' and waits_for = 'account';
create index if not exists jobs_provider_line_idx on jobs (provider, run_at) where status = 'queued' and waits_for = 'provider';
create index if not exists jobs_failed_idx on jobs (finished_at) where status = 'failed';

-- Grows whenever a job of the account may have come into play, under the lock of its row: it tells a statement that had
-- to wait for the lock that what it sees of the account's jobs is no longer all.
alter table users add column if not exists job_turns bigint not null default 0;

-- A row for each call that a provider takes at a time; the job that took it last holds it while it runs in it. Rows of
-- their own are taken side by side, and nobody has to give them back. No foreign key: it would lock the job's row.
create table if not exists provider_slots (
    provider text not null,
    slot int not null check (slot > 0),
    job_id uuid,
    -- grows whenever it is taken, which tells a statement that what it saw of its job is no longer all
    turns bigint not null default 0,
    primary key (provider, slot)
) with (fillfactor = 50);

do $$
begin
    alter table projects add constraint projects_last_job_fkey
        foreign key (last_job_id) references jobs (id) on delete set null deferrable initially deferred;
exception when duplicate_object then null;
end
$$;

create index if not exists projects_last_job_idx on projects (last_job_id) where last_job_id is not null;

create table if not exists renders (
    id uuid primary key,
    job_id uuid not null references jobs (id) on delete cascade,
    variant int not null check (variant between 1 and 4),
    asset_id uuid not null references assets (id) on delete cascade,
    created_at timestamptz not null default now()
);

create unique index if not exists renders_job_variant_key on renders (job_id, variant);
create unique index if not exists renders_asset_key on renders (asset_id);
