-- The same rows as in plain.sql, in our own tables, and what else our server requires of an account: a confirmed address, a
-- valid session, a ledger that adds up to the balance, and a prompt.

create function pg_temp.id(kind text, n int) returns uuid immutable language sql
return ('00000000-0000-4000-' || kind || '-' || lpad(to_hex(n), 12, '0'))::uuid;

insert into users (id, email, username, full_name, dob, password_hash, email_confirmed_at, credits)
select pg_temp.id('8000', n), 'u' || n || '@example.test', 'user' || n, 'User Number ' || n, '1990-01-01', :hash, now(), 1000000000000
from generate_series(1, :users) n;

insert into audit_logs (id, user_id, action, delta_credits, balance_after)
select pg_temp.id('c000', n), pg_temp.id('8000', n), 'grant', 1000000000000, 1000000000000 from generate_series(1, :users) n;

insert into sessions (id, user_id, refresh_hash, idle_expires_at, expires_at)
select pg_temp.id('b000', n), pg_temp.id('8000', n), sha256(int4send(n)), now() + interval '20 days', now() + interval '60 days'
from generate_series(1, :users) n;

-- A project and its prompt refer to each other: the constraint is checked at the end of the transaction, which is this file.
insert into projects (id, user_id, mode, platform, width, height, prompt_id)
select pg_temp.id('9000', n), pg_temp.id('8000', n), 'design', 'youtube', 1280, 720, pg_temp.id('9100', n) from generate_series(1, :users) n;

insert into prompts (id, project_id, headline, normalized_jsonb)
select pg_temp.id('9100', n), pg_temp.id('9000', n), 'I built a robot', '{"version": 1, "headline": "I built a robot"}'
from generate_series(1, :users) n;

-- Jobs of earlier days, as on every day but the first: plans made for an empty table would read all of it later.
insert into jobs (
    id, project_id, user_id, prompt_id, mode, platform, model, provider, quality, variants, width, height, seed, cost_credits,
    status, stage, progress, attempt, queued_at, started_at, finished_at
)
select
    gen_random_uuid(), pg_temp.id('9000', n), pg_temp.id('8000', n), pg_temp.id('9100', n), 'design', 'youtube', 'nano_banana', 'gemini',
    'std', 1, 1280, 720, 1, 0, case when k % 20 = 0 then 'canceled' else 'succeeded' end, 'done', 100, 1,
    now() - k * interval '1 day', now() - k * interval '1 day', now() - k * interval '1 day'
from generate_series(1, 40) k, generate_series(1, :users) n;

insert into chats (id, user_id, session_name, last_seq)
select pg_temp.id('a000', n), pg_temp.id('8000', n), 'Chat ' || n, 1000 from generate_series(1, :users) n;

insert into messages (id, chat_id, seq, sender, content)
select gen_random_uuid(), pg_temp.id('a000', n), s, case s % 2 when 1 then 'user' else 'ai' end,
    'Message ' || s || ': ' || repeat('make the title bolder and the face larger, ', 4) || 'thanks'
from generate_series(1, 1000) s, generate_series(1, :users) n;
