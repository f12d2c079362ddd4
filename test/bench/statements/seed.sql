-- A product of some months: 1,000 accounts, each with a session, a project and its prompt, and 100 jobs of earlier days with
-- their charge, decision, picture and its place in the job. Ids grow with time, as the product's do.

create function pg_temp.id(kind text, n int) returns uuid immutable language sql
return ('00000000-0000-4000-' || kind || '-' || lpad(to_hex(n), 12, '0'))::uuid;

create function pg_temp.at(t timestamptz, n int) returns uuid immutable language sql
return (lpad(to_hex((extract(epoch from t) * 1000)::bigint), 12, '0') || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15))::uuid;

insert into users (id, email, username, full_name, dob, email_confirmed_at, credits)
select pg_temp.id('8000', n), 'u' || n || '@example.test', 'user' || n, 'User Number ' || n, '1990-01-01', now(), 1000000000000
from generate_series(1, 1000) n;

insert into audit_logs (id, user_id, action, delta_credits, balance_after)
select pg_temp.id('c000', n), pg_temp.id('8000', n), 'grant', 1000000000000, 1000000000000 from generate_series(1, 1000) n;

-- A project and its prompt refer to each other: the constraint is checked at the end of the transaction, which is this file.
insert into projects (id, user_id, mode, platform, width, height, prompt_id)
select pg_temp.id('9000', n), pg_temp.id('8000', n), 'design', 'youtube', 1280, 720, pg_temp.id('9100', n) from generate_series(1, 1000) n;

insert into prompts (id, project_id, headline, normalized_jsonb)
select pg_temp.id('9100', n), pg_temp.id('9000', n), 'I built a robot', '{"version": 1, "headline": "I built a robot"}'
from generate_series(1, 1000) n;

create temporary table old as
select
    k * 1000 + n as i, pg_temp.id('8000', n) as user_id, pg_temp.id('9000', n) as project_id, pg_temp.id('9100', n) as prompt_id,
    now() - (101 - k) * interval '1 day' + n * interval '1 second' as at
from generate_series(1, 100) k, generate_series(1, 1000) n;

insert into jobs (
    id, project_id, user_id, prompt_id, mode, platform, model, provider, quality, variants, width, height, seed, cost_credits, provider_meta,
    status, stage, progress, attempt, queued_at, started_at, finished_at, run_at, pushed_at, request_id
)
select
    pg_temp.at(at, i), project_id, user_id, prompt_id, 'design', 'youtube', 'nano_banana', 'gemini', 'std', 1, 1280, 720, 1, 10,
    '{"provider": "gemini", "model": "gemini-image", "request_id": "0123456789abcdef"}', case when i % 20 = 0 then 'canceled' else 'succeeded' end,
    'done', 100, 1, at, at, at, at, at, md5(i::text)
from old;

insert into audit_logs (id, user_id, action, job_id, delta_credits, balance_after)
select pg_temp.at(at, i + 1000000), user_id, 'job_charge', pg_temp.at(at, i), -10, 1000000000000 from old;

insert into audit_logs (id, user_id, action, ip, user_agent, meta)
select
    pg_temp.at(at, i + 2000000), user_id, 'content_allowed', '', '',
    jsonb_build_object('job_id', pg_temp.at(at, i), 'project_id', project_id, 'judge', 'local/1', 'stage', 'before_drawing')
from old;

insert into assets (id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5)
select
    pg_temp.at(at, i + 3000000), user_id, 'render', 'ready', 'renders', user_id || '/2026/11/' || pg_temp.at(at, i + 3000000) || '.png', 'image/png',
    100000, 1280, 720, md5(i::text)
from old;

insert into renders (id, job_id, variant, asset_id)
select pg_temp.at(at, i + 4000000), pg_temp.at(at, i), 1, pg_temp.at(at, i + 3000000) from old;

insert into provider_slots (provider, slot) select 'gemini', n from generate_series(1, 16) n;
