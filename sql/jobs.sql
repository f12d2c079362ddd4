-- name: JobQueue :many
-- JobQueue takes the credits of orders, and writes their ledger rows, jobs and projects' states, in one statement: of each order
-- all or nothing. No row for an order: its project has changed since the caller read it, or its account can't pay. The orders are
-- of different accounts. It locks the accounts and the projects; charges of one account wait for each other, so no balance is
-- spent twice. It locks projects in the order of their ids, as JobClaim and JobSucceed do, so that no two wait for each other.
--
-- A job for which its account has no free slot waits for one, and is not pushed (jobs_account_line_idx,
-- jobs_user_status_id_idx). Where another job was queued while this statement waited for the account, its count of slots
-- is out of date: then the job waits, too, and raced asks the caller to look again.
-- plan: owner by is not distinct from
with ordered as materialized (
    select
        unnest(@ids::uuid[]) as id, unnest(@ledger_ids::uuid[]) as ledger_id, unnest(@project_ids::uuid[]) as project_id,
        unnest(@user_ids::uuid[]) as user_id, unnest(@project_versions::bigint[]) as project_version,
        unnest(@costs::bigint[]) as cost, unnest(@models::text[]) as model, unnest(@providers::text[]) as provider,
        unnest(@qualities::text[]) as quality, unnest(@variants::int[]) as variants, unnest(@widths::int[]) as width,
        unnest(@heights::int[]) as height, unnest(@seeds::bigint[]) as seed,
        -- '' stands for null, which an array of Go's strings can't hold
        unnest(@consents::text[]) as consent, unnest(@request_ids::text[]) as request_id,
        unnest(@traceparents::text[]) as traceparent
), project as materialized (
    select o.*, p.prompt_id, p.mode, p.platform, u.job_turns
    from ordered o
    join projects p on p.id = o.project_id and p.user_id is not distinct from o.user_id and p.version = o.project_version
    join users u on u.id = o.user_id
), spend as (
    update users
    set credits = users.credits - project.cost, job_turns = users.job_turns + 1, updated_at = now()
    from project
    where users.id = project.user_id and users.credits >= project.cost
    returning users.id, users.credits, users.job_turns
), job as (
    insert into jobs (
        id, project_id, user_id, prompt_id, mode, platform, model, provider, quality, variants, width, height, seed,
        consent, cost_credits, request_id, traceparent, pushed_at, waits_for
    )
    select
        o.id, o.project_id, spend.id, o.prompt_id, o.mode, o.platform, o.model, o.provider, o.quality, o.variants, o.width,
        o.height, o.seed, nullif(o.consent, '')::jsonb, o.cost, nullif(o.request_id, ''), nullif(o.traceparent, ''), now(),
        case when @user_jobs::int > 0 and (
            spend.job_turns <> o.job_turns + 1
            or exists (select from jobs j where j.user_id = o.user_id and j.status = 'queued' and j.waits_for = 'account')
            or @user_jobs::int <= (
                select count(in_play.id) from (
                    select j.id from jobs j where j.user_id = o.user_id and j.status in ('queued', 'running')
                    limit @user_jobs::int
                ) in_play
            )
        ) then 'account' end
    from project o join spend on spend.id = o.user_id
    returning id, project_id, user_id, cost_credits, waits_for
), ledger as (
    insert into audit_logs (id, user_id, action, job_id, delta_credits, balance_after)
    select o.ledger_id, spend.id, 'job_charge', o.id, -o.cost, spend.credits
    from project o join spend on spend.id = o.user_id
), project_status as (
    update projects set status = 'queued', last_job_id = job.id, updated_at = now()
    from (select * from job order by job.project_id) job where projects.id = job.project_id
)
select
    job.id, job.cost_credits, spend.credits as credits_left, (job.waits_for is not null)::boolean as waits,
    (spend.job_turns <> o.job_turns + 1)::boolean as raced
from job join spend on spend.id = job.user_id join project o on o.id = job.id;

-- name: JobRepeat :one
-- JobRepeat is JobQueue for a job that failed: the same picture, at the same price, as a new job, since the ledger holds
-- one charge of a job and its refund. It waits for a slot of its account, and the caller wakes it. No row: the account
-- can't pay.
with old as (
    select * from jobs j where j.id = @old_id and j.status = 'failed'
), spend as (
    update users set credits = users.credits - old.cost_credits, updated_at = now()
    from old
    where users.id = old.user_id and users.credits >= old.cost_credits
    returning users.id, users.credits
), job as (
    insert into jobs (
        id, project_id, user_id, prompt_id, mode, platform, model, provider, quality, variants, width, height, seed,
        consent, cost_credits, request_id, traceparent, pushed_at, waits_for
    )
    select
        @id, old.project_id, old.user_id, old.prompt_id, old.mode, old.platform, old.model, @provider, old.quality,
        old.variants, old.width, old.height, old.seed, old.consent, old.cost_credits, sqlc.narg('request_id'),
        sqlc.narg('traceparent'), now(),
        case when @user_jobs::int > 0 then 'account' end
    from old join spend on spend.id = old.user_id
    returning id, project_id, user_id, cost_credits, waits_for
), ledger as (
    insert into audit_logs (id, user_id, action, job_id, delta_credits, balance_after)
    select @ledger_id, job.user_id, 'job_charge', job.id, -(job.cost_credits), spend.credits
    from job join spend on spend.id = job.user_id
), project_status as (
    update projects set status = 'queued', last_job_id = job.id, updated_at = now()
    from job where projects.id = job.project_id
)
select job.id, job.user_id, job.cost_credits, (job.waits_for is not null)::boolean as waits from job;

-- name: JobGet :one
-- JobGet reads a job of its owner.
-- plan: owner by is not distinct from
select * from jobs where id = @id and user_id is not distinct from @user_id;

-- name: JobList :many
-- JobList is a page of an account's jobs, newest first (jobs_user_idx).
-- plan: owner as array
select * from jobs
where user_id = any(array[@user_id::uuid]) and id < @before_id
order by user_id, id desc
limit @page_size;

-- name: JobListByStatus :many
-- JobListByStatus is JobList of those in one state (jobs_user_status_id_idx). It is a query of its own, because a plan that
-- serves any argument could not use that index where the state may be left out.
-- plan: owner as array
-- plan: two bounds for a status
select * from jobs
where user_id = any(array[@user_id::uuid]) and status >= @status and (status, id) < (@status, @before_id::uuid)
order by user_id desc, status desc, id desc
limit @page_size;

-- name: JobListByProject :many
-- JobListByProject is a page of a project's jobs, newest first (jobs_project_idx). The project's own row says whose it is: a
-- condition on the jobs' owner would let the planner read all of that owner's jobs.
-- plan: owner as array
select j.* from jobs j
where j.project_id = any(array[@project_id::uuid]) and j.id < @before_id
    and exists (select from projects p where p.id = @project_id::uuid and p.user_id = @user_id)
order by j.project_id, j.id desc
limit @page_size;

-- name: JobActiveByProject :many
-- JobActiveByProject lists the jobs of a project that have not ended (jobs_project_idx), and locks them: every
-- statement that ends a job locks it before its account.
select id from jobs
where project_id = @project_id and user_id = @user_id and status in ('queued', 'running')
order by id
limit 1000
for update;

-- name: JobClaim :many
-- JobClaim takes leases on jobs that are due or whose lease has lapsed, and begins a new attempt of each. Every later write of
-- an attempt names its lease token, the fencing token. The claim takes a slot of each job's provider as well, one whose last
-- job does not run in it any more, and passes over those that other claims are taking. With a job comes its prompt. No
-- row for a job: another worker has the lease, the job has ended, it is not due, or no slot is free. A lateral join takes no
-- more slots than are needed. The ids are different ones.
--
-- The commit does not wait for the disk. A Postgres that crashes may forget a claim, and the job is queued again: then the
-- worker that drew it finds no row to end, provided that no later claim has the same token. So a token is never less than
-- the time.
-- plan: primary key only
with async_commit as materialized (
    select set_config('synchronous_commit', 'off', true) as setting
), wanted as materialized (
    select j.id, j.provider, row_number() over (partition by j.provider order by j.id) as nth
    from unnest(@ids::uuid[]) as ids (id) join jobs j on j.id = ids.id
    where case j.status when 'queued' then j.run_at <= now() and j.waits_for is distinct from 'account' else false end
), need as materialized (
    select wanted.provider, count(*)::int as slots from wanted group by wanted.provider
), free as materialized (
    select s.provider, s.slot, s.turns
    from need join provider_slots s on s.provider = need.provider
    where s.slot <= @provider_calls::int
        and not exists (
            select from jobs r
            where r.id = s.job_id and case r.status when 'running' then r.provider_slot = s.slot else false end
        )
), slot as materialized (
    -- Re-check the slot's generation under its lock: another claim may have taken it. Its job does not tell, since it may
    -- have come back to the same slot.
    select locked.provider, locked.slot, row_number() over (partition by locked.provider order by locked.slot) as nth
    from need cross join lateral (
        select s.provider, s.slot
        from free join provider_slots s on s.provider = free.provider and s.slot = free.slot and s.turns = free.turns
        where free.provider = need.provider
        limit need.slots
        for update of s skip locked
    ) locked
), jobs as (
    update jobs
    set status = 'running', stage = 'preparing', progress = 0, attempt = attempt + 1,
        lease_token = greatest(lease_token + 1, (extract(epoch from clock_timestamp()) * 1000)::bigint),
        lease_until = now() + make_interval(secs => @lease_seconds::float8), version = version + 1, pushes = 0,
        started_at = coalesce(started_at, now()), error_code = null, error_message = null, waits_for = null,
        variants_begun = 0,
        provider_slot = case when status = 'running' then provider_slot else given.slot end
    from unnest(@ids::uuid[]) as ids (id) left join (
        select wanted.id, slot.slot from wanted join slot on slot.provider = wanted.provider and slot.nth = wanted.nth
    ) given on given.id = ids.id
    where jobs.id = ids.id and jobs.attempt < @max_attempts
        and case jobs.status
            when 'queued' then jobs.run_at <= now() and jobs.waits_for is distinct from 'account'
                and (@provider_calls::int = 0 or given.slot is not null)
            when 'running' then jobs.lease_until < now()
            else false
        end
    returning jobs.*
), slot_taken as (
    -- A job that is taken over from another worker has its slot already.
    update provider_slots s set job_id = jobs.id, turns = s.turns + 1
    from slot join jobs on jobs.provider = slot.provider and jobs.provider_slot = slot.slot
    where s.provider = slot.provider and s.slot = slot.slot
), project_status as (
    update projects set status = 'running'
    from (select jobs.id, jobs.project_id from jobs order by jobs.project_id) job
    where projects.last_job_id = job.id and projects.id = job.project_id and projects.status <> 'running'
)
select sqlc.embed(jobs), sqlc.embed(prompts)
from jobs join prompts on prompts.id = jobs.prompt_id cross join async_commit;

-- name: JobRenew :execrows
-- JobRenew prolongs a lease. No row: the lease is no longer the caller's.
-- plan: primary key only
update jobs set lease_until = now() + make_interval(secs => @lease_seconds::float8)
where id = @id and case status when 'running' then lease_token = @lease_token else false end;

-- name: JobAdvance :one
-- JobAdvance shows a stage and a progress that never goes back. No row: the lease is no longer the caller's.
-- plan: primary key only
update jobs set stage = @stage, progress = greatest(progress, @progress), version = version + 1
where id = @id and case status when 'running' then lease_token = @lease_token else false end
returning *;

-- name: JobBeginVariant :many
-- JobBeginVariant records that a variant of each job is asked of the vendor, before it is: a cancel gives back only what was
-- not. No row for a job: the lease is no longer the caller's, and the vendor must not be asked. The commit does not wait for the disk, as in JobClaim:
-- a Postgres that crashes may forget it, and then a cancel gives back too much.
-- plan: primary key only
with async_commit as materialized (
    select set_config('synchronous_commit', 'off', true) as setting
)
update jobs set variants_begun = begun.variant
from async_commit cross join (
    select unnest(@ids::uuid[]) as id, unnest(@lease_tokens::bigint[]) as lease_token, unnest(@variants::int[]) as variant
) begun
where jobs.id = begun.id and case jobs.status when 'running' then jobs.lease_token = begun.lease_token else false end
returning jobs.id;

-- name: JobSucceed :many
-- JobSucceed ends jobs with their pictures, in one statement: the assets, the renders, the state, the project's status,
-- and the decision that allowed each to be drawn. No row for a job: the lease is no longer the caller's, and nothing of it was
-- written. It returns what the caller can't know of a job, and whether a job may wait for the account slot and the provider
-- slot that are free now (jobs_account_line_idx, jobs_provider_line_idx).
-- plan: primary key only
with ended as materialized (
    select
        unnest(@ids::uuid[]) as id, unnest(@lease_tokens::bigint[]) as lease_token,
        unnest(@provider_metas::text[]) as provider_meta, unnest(@decision_ids::uuid[]) as decision_id,
        unnest(@decision_metas::text[]) as decision_meta
), pictures as materialized (
    select
        unnest(@picture_job_ids::uuid[]) as job_id, unnest(@asset_ids::uuid[]) as id, unnest(@render_ids::uuid[]) as render_id,
        unnest(@variants::int[]) as variant, unnest(@storage_paths::text[]) as storage_path,
        unnest(@content_types::text[]) as content_type, unnest(@sizes::bigint[]) as size_bytes,
        unnest(@widths::int[]) as width, unnest(@heights::int[]) as height, unnest(@md5s::text[]) as md5
), job as (
    update jobs
    set status = 'succeeded', stage = 'done', progress = 100, finished_at = now(), lease_until = null,
        provider_meta = ended.provider_meta::jsonb, version = version + 1
    from ended
    where jobs.id = ended.id and case jobs.status when 'running' then jobs.lease_token = ended.lease_token else false end
    returning
        jobs.id, jobs.project_id, jobs.user_id, jobs.provider, jobs.version, jobs.finished_at, jobs.pushed_at, jobs.pushes,
        ended.decision_id, ended.decision_meta
), decision as (
    insert into audit_logs (id, user_id, action, ip, user_agent, meta)
    select job.decision_id, job.user_id, 'content_allowed', '', '', job.decision_meta::jsonb from job
), asset as (
    insert into assets (id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5)
    select p.id, job.user_id, 'render', 'ready', 'renders', p.storage_path, p.content_type, p.size_bytes, p.width, p.height, p.md5
    from job join pictures p on p.job_id = job.id
), render as (
    insert into renders (id, job_id, variant, asset_id)
    select p.render_id, job.id, p.variant, p.id from job join pictures p on p.job_id = job.id
), project_status as (
    update projects set status = 'done', updated_at = now()
    from (select job.id, job.project_id from job order by job.project_id) job
    where projects.last_job_id = job.id and projects.id = job.project_id
)
select
    job.id, job.version, job.finished_at, job.pushed_at, job.pushes, exists (
        select from jobs j where j.user_id = job.user_id and j.status = 'queued' and j.waits_for = 'account'
    ) as account_waits, exists (
        select from jobs j where j.provider = job.provider and j.status = 'queued' and j.waits_for = 'provider'
    ) as provider_waits
from job;

-- name: JobRetry :one
-- JobRetry puts a job back in the queue until later, if the lease is still the caller's. The reason stays readable
-- while it waits. A released attempt (a worker that drains) is not counted. The job keeps its account slot. Where
-- moderation had allowed the attempt, that decision is recorded.
-- plan: primary key only
with jobs as (
    update jobs
    set status = 'queued', stage = 'waiting', lease_until = null, error_code = sqlc.narg('error_code'),
        error_message = sqlc.narg('error_message'), attempt = attempt - case when @released::boolean then 1 else 0 end,
        run_at = now() + make_interval(secs => @delay_seconds::float8), pushed_at = null, pushes = 0,
        variants_begun = 0, version = version + 1
    where jobs.id = @id and case jobs.status when 'running' then jobs.lease_token = @lease_token else false end
    returning *
), decision as (
    insert into audit_logs (id, user_id, action, ip, user_agent, meta)
    select sqlc.narg('decision_id')::uuid, jobs.user_id, 'content_allowed', '', '', sqlc.narg('decision_meta')::jsonb
    from jobs where sqlc.narg('decision_id')::uuid is not null
), project_status as (
    update projects set status = 'queued'
    from jobs where projects.last_job_id = jobs.id and projects.id = jobs.project_id
)
select
    sqlc.embed(jobs), exists (
        select from public.jobs j where j.provider = jobs.provider and j.status = 'queued' and j.waits_for = 'provider'
    ) as provider_waits
from jobs;

-- name: JobEnd :one
-- JobEnd ends a job without a result and gives its credits back, in one statement: all of them where it failed, and where it
-- was canceled those of the variants that the present attempt had not asked of the vendor. Who may end it: its owner (user_id),
-- the holder of its lease (lease_token), or the sweeper (max_attempts) once the lease of the last attempt has lapsed or
-- the job is too old. No row: it has ended already, or the caller may not. The unique index on the ledger refuses a
-- second refund. It locks the job, then the account, then the project, as every statement must, and returns whether a job
-- may wait for the account slot and the provider slot that are free now. Where moderation had allowed the attempt, that
-- decision is recorded.
with jobs as (
    update jobs
    set status = @status, stage = 'done', finished_at = now(), lease_until = null, waits_for = null,
        refunded = @status = 'failed' or variants_begun < variants, refunded_credits = case when @status = 'failed' then cost_credits
            else cost_credits * (variants - variants_begun) / variants end,
        error_code = sqlc.narg('error_code'), error_message = sqlc.narg('error_message'),
        provider_meta = coalesce(sqlc.narg('provider_meta')::jsonb, provider_meta), version = version + 1
    where jobs.id = @id and jobs.status in ('queued', 'running')
        and (sqlc.narg('user_id')::uuid is null or jobs.user_id = sqlc.narg('user_id')::uuid)
        and (
            sqlc.narg('lease_token')::bigint is null
            or jobs.status = 'running' and jobs.lease_token = sqlc.narg('lease_token')::bigint
        )
        and (
            sqlc.narg('max_attempts')::int is null
            or jobs.status = 'running' and jobs.lease_until < now() and jobs.attempt >= sqlc.narg('max_attempts')::int
            or (jobs.status = 'queued' or jobs.lease_until < now())
                and jobs.queued_at < now() - make_interval(secs => @max_age_seconds::float8)
        )
    returning *
), refund as (
    update users
    set credits = users.credits + jobs.refunded_credits, updated_at = now()
    from jobs where users.id = jobs.user_id
    returning users.id, users.credits
), ledger as (
    insert into audit_logs (id, user_id, action, job_id, delta_credits, balance_after)
    select @ledger_id, jobs.user_id, 'job_refund', jobs.id, jobs.refunded_credits, refund.credits
    from jobs join refund on refund.id = jobs.user_id where jobs.refunded_credits > 0
), decision as (
    insert into audit_logs (id, user_id, action, ip, user_agent, meta)
    select sqlc.narg('decision_id')::uuid, jobs.user_id, 'content_allowed', '', '', sqlc.narg('decision_meta')::jsonb
    from jobs where sqlc.narg('decision_id')::uuid is not null
), project_status as (
    update projects set status = case when jobs.status = 'canceled' then 'draft' else 'failed' end, updated_at = now()
    from jobs join refund on refund.id = jobs.user_id
    where projects.last_job_id = jobs.id and projects.id = jobs.project_id
)
select
    sqlc.embed(jobs), exists (
        select from public.jobs j where j.user_id = jobs.user_id and j.status = 'queued' and j.waits_for = 'account'
    ) as account_waits, exists (
        select from public.jobs j where j.provider = jobs.provider and j.status = 'queued' and j.waits_for = 'provider'
    ) as provider_waits
from jobs;

-- name: JobMarkDue :many
-- JobMarkDue marks the jobs whose ids are to be pushed (again) as pushed: those that are due and were not pushed since
-- (jobs_unpushed_idx), those pushed too long ago, longer each time (jobs_pushed_idx), those whose lease lapsed
-- (jobs_leased_idx); with pushed_before, all that were last pushed before it. At most @batch of each. A job on a wait list
-- is woken by another statement first; rows locked elsewhere are passed over.
with unpushed as (
    select j.id from jobs j
    where j.status = 'queued' and j.waits_for is null and (j.pushed_at is null or j.pushed_at < j.run_at) and j.run_at <= now()
    order by j.run_at limit @batch for update skip locked
), pushed as (
    select j.id from jobs j
    where j.status = 'queued' and j.waits_for is null and j.run_at <= now()
        and j.pushed_at < greatest(
            sqlc.narg('pushed_before')::timestamptz, now() - sqlc.arg('repush_after_seconds')::float8 * interval '1 second'
        )
        and (
            j.pushed_at < sqlc.narg('pushed_before')::timestamptz
            or j.pushed_at < now() - sqlc.arg('repush_after_seconds')::float8 * (1 << j.pushes) * interval '1 second'
        )
    order by j.pushed_at limit @batch for update skip locked
), lapsed as (
    select j.id from jobs j
    where j.status = 'running' and j.lease_until < now() and j.attempt < @max_attempts
        and (
            j.pushed_at is null or j.pushed_at < sqlc.narg('pushed_before')::timestamptz or j.pushed_at < j.lease_until
            or j.pushed_at < now() - sqlc.arg('repush_after_seconds')::float8 * (1 << j.pushes) * interval '1 second'
        )
    order by j.lease_until limit @batch for update skip locked
)
update jobs set pushed_at = now(), pushes = case when pushes < 6 then pushes + 1 else pushes end
where jobs.id in (
    select unpushed.id from unpushed union all select pushed.id from pushed union all select lapsed.id from lapsed
)
returning jobs.id;

-- name: JobUnmark :exec
-- JobUnmark takes back JobMarkDue for jobs whose push failed.
update jobs set pushed_at = null, pushes = greatest(pushes - 1, 0) where id = any(@ids::uuid[]);

-- name: JobHandle :one
-- JobHandle records that an operator has dealt with a job that DeadJobs lists, once, by primary key. The job stays in its
-- owner's history.
update jobs set handled_at = now()
where id = @id and status = 'failed' and handled_at is null and error_code not in ('content_blocked', 'invalid_image')
returning *;

-- name: JobListExpired :many
-- JobListExpired lists jobs whose last attempt died with its worker (jobs_leased_idx) or that are too old to be drawn
-- any more (jobs_unfinished_idx).
(
    select j.id, j.status from jobs j
    where j.status = 'running' and j.lease_until < now()
        and (j.attempt >= @max_attempts or j.queued_at < now() - make_interval(secs => @max_age_seconds::float8))
    order by j.lease_until limit @batch
)
union all
(
    select j.id, j.status from jobs j
    where j.status = 'queued' and j.finished_at is null and j.queued_at < now() - make_interval(secs => @max_age_seconds::float8)
    order by j.queued_at limit @batch
);

-- name: RenderListByJobs :many
-- RenderListByJobs reads the pictures of several jobs (renders_job_variant_key); the caller bounds the list.
select sqlc.embed(renders), sqlc.embed(assets)
from renders join assets on assets.id = renders.asset_id
where renders.job_id = any(@job_ids::uuid[])
order by renders.job_id, renders.variant;

-- name: DatabaseNow :one
-- DatabaseNow reads the clock that leases and pushes are dated by.
select now()::timestamptz;
