-- Rows for :users accounts, a tenth of them with rows in the other tables: the shape of a service that has been in use for years.
-- Most tasks have ended; a thousandth waits, runs or has failed. Ids grow with time, as UUIDv7 do. Loaded with the triggers of
-- foreign keys off, since every row that is referred to is here.

create function pg_temp.id(kind int, n bigint) returns uuid immutable parallel safe language sql
return (lpad(to_hex(n), 8, '0') || '-' || lpad(to_hex(kind), 4, '0') || '-7000-8000-000000000000')::uuid;

create function pg_temp.hash(n bigint) returns bytea immutable parallel safe language sql
return sha256(int8send(n));

insert into users (id, email, username, full_name, dob, password_hash, email_confirmed_at, credits)
select pg_temp.id(1, n), 'u' || n || '@example.com', 'user' || n, 'User ' || n, '1990-01-01', 'x', now(), 100
from generate_series(1, :users) n;

insert into sessions (id, user_id, refresh_hash, idle_expires_at, expires_at, revoked_at, revoke_reason)
select pg_temp.id(2, n), pg_temp.id(1, 1 + n % :users), pg_temp.hash(n), now() + n * interval '1 minute', now() + n * interval '1 minute',
    case when n % 3 > 0 then now() end, case when n % 3 > 0 then 'signed_out' end
from generate_series(1, :users * 2) n;

insert into email_codes (user_id, purpose, code_hash, expires_at)
select pg_temp.id(1, n), 'confirm_email', pg_temp.hash(n), now() from generate_series(1, :users / 2) n;

insert into password_resets (id, user_id, token_hash, expires_at)
select pg_temp.id(3, n), pg_temp.id(1, n), pg_temp.hash(n), now() + n * interval '1 minute' from generate_series(1, :users / 2) n;

insert into second_factors (user_id, enabled, secret, key_id)
select pg_temp.id(1, n), true, pg_temp.hash(n), '\x0000000000000001' from generate_series(1, :users / 4) n;

insert into recovery_codes (user_id, code_hash)
select pg_temp.id(1, 1 + n / 10), pg_temp.hash(n) from generate_series(1, :users) n;

insert into second_factor_challenges (token_hash, user_id, credentials_version, by_cookie, expires_at)
select pg_temp.hash(n), pg_temp.id(1, n), 1, false, now() + n * interval '1 minute' from generate_series(1, :users / 4) n;

insert into assets (
    id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5, reject_reason, expires_at, updated_at
)
select pg_temp.id(4, n), pg_temp.id(1, 1 + n % (:users / 10)), case n % 10 when 0 then 'selfie' when 1 then 'ref' else 'render' end,
    case n % 1000 when 0 then 'pending' when 1 then 'rejected' else 'ready' end, 'user_assets', 'u/' || n || '.png', 'image/png', 1000,
    640, 360, md5(n::text), case when n % 1000 = 1 then 'invalid' end,
    case when n % 1000 = 0 then now() + n * interval '1 second' end, now() - n * interval '1 second'
from generate_series(1, :jobs + :users) n;

insert into projects (id, user_id, mode, platform, width, height, status, prompt_id, last_job_id)
select pg_temp.id(5, n), pg_temp.id(1, 1 + n % (:users / 10)), 'design', 'youtube', 1280, 720,
    case n % 1000 when 0 then 'queued' when 1 then 'draft' else 'done' end, pg_temp.id(6, n), pg_temp.id(7, n)
from generate_series(1, :jobs / 2) n;

insert into prompts (id, project_id, headline, normalized_jsonb)
select pg_temp.id(6, n), pg_temp.id(5, n), 'Headline ' || n, '{"version": 1}' from generate_series(1, :jobs / 2) n;

insert into jobs (
    id, project_id, user_id, prompt_id, mode, platform, model, provider, quality, variants, width, height, seed, status, stage,
    cost_credits, error_code, queued_at, run_at, finished_at, lease_until, waits_for, pushed_at
)
select pg_temp.id(7, n), pg_temp.id(5, p.project), pg_temp.id(1, 1 + p.project % (:users / 10)), pg_temp.id(6, p.project), 'design', 'youtube', 'local',
    'local', 'std', 1, 1280, 720, 1, s.status, case when s.status in ('queued', 'running') then 'waiting' else 'done' end, 2,
    case s.status when 'failed' then 'provider_error' end, t.at, t.at,
    case when s.status not in ('queued', 'running') then t.at end, case s.status when 'running' then now() + interval '1 minute' end,
    case s.status when 'queued' then (array['account', 'provider', null])[1 + n / 1000 % 3] end, t.at
from generate_series(1, :jobs) n
    cross join lateral (select 1 + n % (:jobs / 2) as project) p
    cross join lateral (select now() - (:jobs - n) * interval '1 second' as at) t
    cross join lateral (
        select case n % 1000 when 0 then 'queued' when 1 then 'running' when 2 then 'failed' when 3 then 'canceled' else 'succeeded' end as status
    ) s;

insert into renders (id, job_id, variant, asset_id)
select pg_temp.id(8, n), pg_temp.id(7, n), 1, pg_temp.id(4, n) from generate_series(1, :jobs) n where n % 10 > 1;

insert into provider_slots (provider, slot) select 'local', n from generate_series(1, 8) n;

insert into chats (id, user_id, session_name, project_id, last_seq)
select pg_temp.id(9, n), pg_temp.id(1, 1 + n % (:users / 10)), 'Chat ' || n, case when n % 2 = 0 then pg_temp.id(5, 1 + n % (:jobs / 2)) end, 50
from generate_series(1, :messages / 50) n;

insert into messages (
    id, chat_id, seq, sender, content, status, error_code, run_at, lease_until, pushed_at, user_id, place, created_at, updated_at
)
select pg_temp.id(10, n), pg_temp.id(9, 1 + n / 50), 1 + n % 50, case n % 2 when 0 then 'user' else 'ai' end, repeat('word ', 20), s.status,
    case s.status when 'failed' then 'provider_error' end, t.at, case s.status when 'streaming' then now() + interval '1 minute' end, t.at,
    case n % 2 when 1 then pg_temp.id(1, 1 + n / 1000 % :users) end, case n % 2 when 1 then 1 end, t.at, t.at
from generate_series(1, :messages - 50) n
    cross join lateral (select now() - (:messages - n) * interval '1 second' as at) t
    cross join lateral (
        select case when n % 2000 = 1 then 'pending' when n % 2000 = 1001 then 'streaming' when n % 1000 = 3 then 'failed' else 'complete' end as status
    ) s;

insert into audit_logs (id, user_id, action, job_id, delta_credits, balance_after)
select pg_temp.id(11, n), pg_temp.id(1, 1 + n % (:users / 10)), case when n <= :jobs then 'job_charge' else 'signed_in' end,
    case when n <= :jobs then pg_temp.id(7, n) end, case when n <= :jobs then -2 else 0 end, case when n <= :jobs then 100 end
from generate_series(1, :jobs + :users) n;

insert into outbox_mails (id, user_id, kind, status, created_at, run_at, lease_until, pushed_at)
select pg_temp.id(12, n), pg_temp.id(1, n), 'confirm_email', s.status, now() - n * interval '1 minute', now() - n * interval '1 minute',
    case s.status when 'sending' then now() end, now()
from generate_series(1, :users) n cross join lateral (
    select case n % 1000 when 0 then 'queued' when 1 then 'sending' when 2 then 'failed' else 'sent' end as status
) s;

insert into idempotency_keys (user_id, operation, key, request_hash, expires_at)
select pg_temp.id(1, 1 + n % (:users / 10)), 'queueProject', 'key-' || n, pg_temp.hash(n), now() + n * interval '1 second'
from generate_series(1, :users) n;

insert into erasures (user_id, run_at, final_at)
select pg_temp.id(13, n), now() + n * interval '1 minute', now() + n * interval '1 minute' from generate_series(1, :users / 10) n;

insert into image_verdicts (md5, judge, sha256, finding, expires_at)
select md5(n::text), 'local/1', pg_temp.hash(n), '{}', now() + n * interval '1 minute' from generate_series(1, :users / 2) n;

insert into bonus_claims (address_hash) select pg_temp.hash(n) from generate_series(1, :users) n;
