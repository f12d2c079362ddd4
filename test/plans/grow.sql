-- Rows :from to :rows of one account, all its jobs in one project and all its messages in one chat. The rows that filters ask for
-- are rare and old: three failed jobs and projects, three selfies, three jobs of another project, three valid sessions. It has a
-- chat for each minute, and its latest audit entries are not of the ledger. A hundred other accounts have a quarter as many rows
-- between them.

create or replace function pg_temp.id(kind int, n bigint) returns uuid immutable parallel safe language sql
return (lpad(to_hex(n), 8, '0') || '-' || lpad(to_hex(kind), 4, '0') || '-7000-8000-000000000000')::uuid;

insert into users (id, email, username, full_name, dob, password_hash, credits)
values (pg_temp.id(1, 1), 'ada@example.com', 'ada', 'Ada', '1990-01-01', 'x', 100) on conflict do nothing;

create temporary table if not exists grown (n bigint, id bigint, owner uuid, project uuid, chat uuid);
truncate grown;
insert into grown
select n, n, pg_temp.id(1, 1), pg_temp.id(5, 1), pg_temp.id(9, 1) from generate_series(:from, :rows) n
union all
select n, n + 2147483648, pg_temp.id(1, 2 + n % 100), pg_temp.id(5, 2 + n % 100), pg_temp.id(9, 2 + n % 100)
from generate_series(:from, :rows) n where n % 4 = 0;

insert into assets (id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5)
select pg_temp.id(4, id), owner, case when n <= 3 then 'selfie' else 'render' end, 'ready', 'user_assets', 'u/' || id || '.png',
    'image/png', 1000, 640, 360, md5(n::text)
from grown;

insert into projects (id, user_id, mode, platform, width, height, status, prompt_id)
select pg_temp.id(5, id), owner, 'design', 'youtube', 1280, 720, case when n <= 3 then 'failed' else 'done' end, pg_temp.id(6, id)
from grown;

insert into projects (id, user_id, mode, platform, width, height, prompt_id)
values (pg_temp.id(5, 2147483648), pg_temp.id(1, 1), 'design', 'youtube', 1280, 720, pg_temp.id(6, 1)) on conflict do nothing;

insert into prompts (id, project_id, headline)
select pg_temp.id(6, id), pg_temp.id(5, id), 'Headline ' || n from grown;

insert into jobs (
    id, project_id, user_id, prompt_id, mode, platform, model, provider, quality, variants, width, height, seed, status, stage,
    cost_credits, error_code, finished_at
)
select pg_temp.id(7, id), project, owner, pg_temp.id(6, id), 'design', 'youtube', 'local', 'local', 'std', 1, 1280, 720, 1,
    case when n <= 3 then 'failed' else 'succeeded' end, 'done', 2, case when n <= 3 then 'provider_error' end, now()
from grown;

-- Three jobs, the oldest, are of a project of their own.
update jobs set project_id = pg_temp.id(5, 2147483648) where id in (select pg_temp.id(7, n) from generate_series(:from, 3) n);

insert into chats (id, user_id, last_seq, updated_at)
select pg_temp.id(9, id), owner, 1, '2026-01-01'::timestamptz + n * interval '1 minute' from grown;

insert into sessions (id, user_id, refresh_hash, idle_expires_at, expires_at, revoked_at)
select pg_temp.id(2, id), owner, sha256(int8send(id)), '2100-01-01', '2100-01-01', case when n > 3 then now() end from grown;

insert into messages (id, chat_id, seq, sender, content)
select pg_temp.id(10, id), chat, n, case n % 2 when 0 then 'user' else 'ai' end, repeat('word ', 20)
from grown;

insert into audit_logs (id, user_id, action, job_id, delta_credits, balance_after)
select pg_temp.id(11, id), owner, 'job_charge', pg_temp.id(7, id), -2, 100 from grown;

insert into audit_logs (id, user_id, action) select pg_temp.id(12, id), owner, 'signed_in' from grown;
