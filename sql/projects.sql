-- name: ProjectCreate :one
-- ProjectCreate adds a project and its first prompt in one statement.
with prompt as (
    insert into prompts (
        id, project_id, headline, subtext, vibe, details, ref_asset_ids, selfie_asset_id, copy_target_asset_id,
        normalized_jsonb
    )
    values (
        @prompt_id, @id, @headline, @subtext, @vibe, @details, @ref_asset_ids::uuid[], sqlc.narg('selfie_asset_id'),
        sqlc.narg('copy_target_asset_id'), sqlc.narg('normalized_jsonb')::jsonb
    )
)
insert into projects (id, user_id, mode, platform, width, height, prompt_id, model_pref, seed)
values (@id, @user_id, @mode, @platform, @width, @height, @prompt_id, @model_pref, @seed)
returning *;

-- name: ProjectGet :many
-- ProjectGet reads projects of their owners with their current prompts, by primary keys. No row for a project: there is none, or
-- it belongs to another account.
-- plan: owner by is not distinct from
select sqlc.embed(projects), sqlc.embed(prompts)
from (select unnest(@ids::uuid[]) as id, unnest(@user_ids::uuid[]) as user_id) asked
join projects on projects.id = asked.id and projects.user_id is not distinct from asked.user_id
join prompts on prompts.id = projects.prompt_id;

-- name: ProjectList :many
-- ProjectList is a page of an account's projects, newest first (projects_user_idx).
-- plan: owner as array
select sqlc.embed(projects), sqlc.embed(prompts)
from projects join prompts on prompts.id = projects.prompt_id
where projects.user_id = any(array[@user_id::uuid]) and projects.id < @before_id
order by projects.user_id, projects.id desc
limit @page_size;

-- name: ProjectListByStatus :many
-- ProjectListByStatus is ProjectList of those in one state (projects_user_status_id_idx).
-- plan: owner as array
-- plan: two bounds for a status
select sqlc.embed(projects), sqlc.embed(prompts)
from projects join prompts on prompts.id = projects.prompt_id
where projects.user_id = any(array[@user_id::uuid])
    and projects.status >= @status and (projects.status, projects.id) < (@status, @before_id::uuid)
order by projects.user_id desc, projects.status desc, projects.id desc
limit @page_size;

-- name: ProjectUpdate :one
-- ProjectUpdate writes a project as the caller wants it, unless it has changed since the caller read it: then no row.
update projects
set mode = @mode, platform = @platform, width = @width, height = @height, prompt_id = @prompt_id,
    model_pref = @model_pref, seed = @seed, version = version + 1, updated_at = now()
where id = @id and user_id is not distinct from @user_id and version = @version
returning *;

-- name: PromptCreate :one
-- PromptCreate adds a prompt to a project. Prompts never change: an edit adds one.
insert into prompts (
    id, project_id, headline, subtext, vibe, details, ref_asset_ids, selfie_asset_id, copy_target_asset_id, normalized_jsonb
)
values (
    @id, @project_id, @headline, @subtext, @vibe, @details, @ref_asset_ids::uuid[], sqlc.narg('selfie_asset_id'),
    sqlc.narg('copy_target_asset_id'), sqlc.narg('normalized_jsonb')::jsonb
)
returning *;

-- name: PromptGet :one
-- PromptGet reads a prompt by primary key.
select * from prompts where id = $1;

-- name: PromptNormalize :exec
-- PromptNormalize writes the normal form of a prompt where there is none, or an older one, by primary key. It is made of
-- the prompt's own words, which never change.
update prompts set normalized_jsonb = @normalized_jsonb::jsonb
where id = @id and coalesce((normalized_jsonb ->> 'version')::int, 0) < (@normalized_jsonb::jsonb ->> 'version')::int;

-- name: ProjectNewestJob :one
-- ProjectNewestJob reads which job a project's status follows, by primary key.
select last_job_id from projects where id = @id and user_id is not distinct from @user_id;

-- name: ProjectDelete :execrows
-- ProjectDelete removes a project with its prompts, jobs and renders, unless a job was queued since the caller looked.
-- A project that is being queued is locked until then, and its new row is what the condition is checked against.
delete from projects
where id = @id and user_id is not distinct from @user_id and last_job_id is not distinct from sqlc.narg('last_job_id');

-- name: ProjectsKept :one
-- ProjectsKept reads the plan of an account, by primary key, and counts its projects up to @most (projects_user_idx).
select users.plan, (
    select count(*) from (
        select from projects where projects.user_id = any(array[@user_id::uuid])
        order by projects.user_id, projects.id desc limit @most::bigint
    ) as kept
) as projects
from users where users.id = @user_id;
