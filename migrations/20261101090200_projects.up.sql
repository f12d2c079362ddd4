-- What a creator wants drawn. A prompt row never changes: an edit adds a row and the project points at it, so that a
-- job draws what stood there when it was queued.

create table if not exists projects (
    id uuid primary key,
    user_id uuid not null references users (id) on delete cascade,
    mode text not null check (mode in ('design', 'copy')),
    platform text not null,
    width int not null check (width between 64 and 3840),
    height int not null check (height between 64 and 3840),
    status text not null default 'draft' check (status in ('draft', 'queued', 'running', 'done', 'failed')),
    prompt_id uuid not null,
    model_pref text,
    seed bigint,
    version bigint not null default 1,
    -- the newest job, whose state the project's status follows
    last_job_id uuid,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index if not exists projects_user_idx on projects (user_id, id desc);
create index if not exists projects_user_status_idx on projects (user_id, status, id desc);

-- finds the project of a prompt that goes
create index if not exists projects_prompt_idx on projects (prompt_id);

create table if not exists prompts (
    id uuid primary key,
    project_id uuid not null references projects (id) on delete cascade,
    headline text not null,
    subtext text,
    vibe text,
    details text,
    ref_asset_ids uuid[] not null default '{}',
    selfie_asset_id uuid,
    copy_target_asset_id uuid,
    -- the prompt in the form that the providers are fed from, with the version of its rules; null in rows from before it
    normalized_jsonb jsonb,
    created_at timestamptz not null default now()
);

create index if not exists prompts_project_idx on prompts (project_id);

-- A project and its first prompt come in one statement, whichever is written first: hence deferred.
do $$
begin
    alter table projects add constraint projects_prompt_fkey
        foreign key (prompt_id) references prompts (id) deferrable initially deferred;
exception when duplicate_object then null;
end
$$;
