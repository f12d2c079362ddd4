-- What came since the last analyze: 10,000 jobs, replies and mails wait, a hundred for each of a hundred accounts, and 10,000
-- more of each are running.

insert into jobs (
    id, project_id, user_id, prompt_id, mode, platform, model, provider, quality, variants, width, height, seed, cost_credits, pushed_at
)
select pg_temp.id(7, 3221225472 + n), pg_temp.id(5, 2 + n % 100), pg_temp.id(1, 2 + n % 100), pg_temp.id(6, 2 + n % 100), 'design',
    'youtube', 'local', 'local', 'std', 1, 1280, 720, 1, 2, now()
from generate_series(1, 10000) n;

insert into jobs (
    id, project_id, user_id, prompt_id, mode, platform, model, provider, quality, variants, width, height, seed, cost_credits, pushed_at,
    status, stage, attempt, lease_until, provider_slot
)
select pg_temp.id(7, 3221325472 + n), pg_temp.id(5, 2 + n % 100), pg_temp.id(1, 2 + n % 100), pg_temp.id(6, 2 + n % 100), 'design',
    'youtube', 'local', 'local', 'std', 1, 1280, 720, 1, 2, now(), 'running', 'preparing', 1, now() + interval '1 minute', 100
from generate_series(1, 10000) n;

insert into messages (id, chat_id, seq, sender, status, user_id, place)
select pg_temp.id(10, 3221225472 + n), pg_temp.id(9, 2 + n % 100), 3221225472 + n, 'ai', 'pending', pg_temp.id(1, 1000 + n), 1
from generate_series(1, 10000) n;

insert into messages (id, chat_id, seq, sender, status, user_id, place, attempt, lease_until)
select pg_temp.id(10, 3221325472 + n), pg_temp.id(9, 2 + n % 100), 3221325472 + n, 'ai', 'streaming', pg_temp.id(1, 1000 + n), 2, 1,
    now() + interval '1 minute'
from generate_series(1, 10000) n;

insert into outbox_mails (id, user_id, kind)
select pg_temp.id(12, 3221225472 + n), pg_temp.id(1, 2 + n % 100), 'confirm_email' from generate_series(1, 10000) n;

insert into outbox_mails (id, user_id, kind, status, attempt, lease_until)
select pg_temp.id(12, 3221325472 + n), pg_temp.id(1, 2 + n % 100), 'confirm_email', 'sending', 1, now() + interval '1 minute'
from generate_series(1, 10000) n;

insert into provider_slots (provider, slot, job_id) select 'local', n, pg_temp.id(7, 3221325472 + n) from generate_series(1, 16) n;

-- The next message of the chat that messages are sent to gets a number that none has.
update chats set last_seq = 9000000000 where id = pg_temp.id(9, 1);
