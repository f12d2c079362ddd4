-- :users accounts, each with a project and a chat of 1,000 messages of about 200 bytes.

create function pg_temp.id(kind text, n int) returns uuid immutable language sql
return ('00000000-0000-4000-' || kind || '-' || lpad(to_hex(n), 12, '0'))::uuid;

insert into users (id, email, username, full_name, password_hash, credits)
select pg_temp.id('8000', n), 'u' || n || '@example.test', 'user' || n, 'User Number ' || n, :hash, 1000000000000
from generate_series(1, :users) n;

insert into projects (id, user_id, platform)
select pg_temp.id('9000', n), pg_temp.id('8000', n), 'youtube' from generate_series(1, :users) n;

insert into jobs (project_id, user_id, model, quality, variants, status, cost_credits, created_at, started_at, finished_at)
select
    pg_temp.id('9000', n), pg_temp.id('8000', n), 'nano_banana', 'std', 1, case when k % 20 = 0 then 'canceled' else 'succeeded' end, 0,
    now() - k * interval '1 day', now() - k * interval '1 day', now() - k * interval '1 day'
from generate_series(1, 40) k, generate_series(1, :users) n;

insert into chats (id, user_id, session_name, last_seq)
select pg_temp.id('a000', n), pg_temp.id('8000', n), 'Chat ' || n, 1000 from generate_series(1, :users) n;

insert into messages (chat_id, seq, sender, content)
select pg_temp.id('a000', n), s, case s % 2 when 1 then 'user' else 'ai' end,
    'Message ' || s || ': ' || repeat('make the title bolder and the face larger, ', 4) || 'thanks'
from generate_series(1, 1000) s, generate_series(1, :users) n;
