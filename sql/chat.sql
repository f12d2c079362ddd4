-- name: ChatCreate :one
-- ChatCreate begins a chat. No row: the project is not the account's.
insert into chats (id, user_id, session_name, project_id)
select @id, @user_id, @session_name, sqlc.narg('project_id')::uuid
where sqlc.narg('project_id')::uuid is null
    or exists (select from projects p where p.id = sqlc.narg('project_id')::uuid and p.user_id = @user_id)
returning *;

-- name: ChatGet :one
-- ChatGet reads a chat of its owner by primary key.
select * from chats where id = @id and user_id = @user_id;

-- name: ChatsGet :many
-- ChatsGet reads chats of any account by primary key; the caller compares the owner.
select * from chats where id = any(@ids::uuid[]);

-- name: ChatList :many
-- ChatList is a page of an account's chats, latest first (chats_user_hour_idx).
-- plan: owner as array
-- plan: sorted within the hour
select * from chats
where user_id = any(array[@user_id::uuid])
    and updated_hour <= date_bin('1 hour', @before_time::timestamptz, '2000-01-01 00:00:00+00')
    and (updated_at, id) < (@before_time::timestamptz, @before_id::uuid)
order by user_id desc, updated_hour desc, updated_at desc, id desc
limit @page_size;

-- name: ChatUpdate :one
-- ChatUpdate changes the members that are given. No row: no such chat, or the project is not the account's.
update chats
set session_name = coalesce(sqlc.narg('session_name'), chats.session_name),
    project_id = case when @set_project::boolean then sqlc.narg('project_id')::uuid else chats.project_id end,
    updated_at = now()
where chats.id = @id and chats.user_id = @user_id and (
    sqlc.narg('project_id')::uuid is null
    or exists (select from projects p where p.id = sqlc.narg('project_id')::uuid and p.user_id = @user_id)
)
returning *;

-- name: ChatDelete :execrows
-- ChatDelete removes a chat with its messages.
delete from chats where id = @id and user_id = @user_id;

-- name: MessageSend :many
-- MessageSend stores a message of the chat's owner and, if a reply is asked for, the pending reply right behind it, in one
-- statement: the chat's row orders its writers, and seq has no gap. No row: no such chat, or all of the account's slots
-- are taken; nothing was written then. Of two statements that take the same slot at once, messages_place_key refuses one,
-- whose caller may try again.
with slot as (
    select min(p.n)::int as n from generate_series(1, @slots::int) p (n)
    where @reply::boolean and not exists (
        select from messages m
        where m.user_id = @user_id::uuid and m.place = p.n and m.status in ('pending', 'streaming')
    )
), chat as (
    update chats
    set last_seq = chats.last_seq + case when @reply::boolean then 2 else 1 end, updated_at = now()
    from slot
    where chats.id = @chat_id and chats.user_id = @user_id::uuid and (not @reply::boolean or slot.n is not null)
    returning chats.id, chats.last_seq, slot.n
), said as (
    insert into messages (id, chat_id, seq, sender, content)
    select @message_id, chat.id, chat.last_seq - case when @reply::boolean then 1 else 0 end, 'user', @content from chat
    returning messages.id, messages.seq, messages.created_at
), reply as (
    insert into messages (id, chat_id, seq, sender, status, pushed_at, user_id, place, request_id, traceparent)
    select @reply_id, chat.id, chat.last_seq, 'ai', 'pending', now(), @user_id::uuid, chat.n, sqlc.narg('request_id'),
        sqlc.narg('traceparent')
    from chat where @reply::boolean
    returning messages.id, messages.seq, messages.created_at
)
select * from said union all select * from reply;

-- name: MessageSendTogether :many
-- MessageSendTogether stores messages without replies, of several accounts and each in another chat, in one statement. It waits
-- for no lock of a chat, so that no account delays another and no two statements lock each other out. A message that has no
-- row was not stored: its account has no such chat, or another transaction has locked it; MessageSend tells which.
-- plan: primary key only
with sent as (
    select unnest(@message_ids::uuid[]) as id, unnest(@chat_ids::uuid[]) as chat_id, unnest(@user_ids::uuid[]) as user_id,
        unnest(@contents::text[]) as content
), free as (
    select c.id, c.user_id from chats c
    where c.id = any(@chat_ids::uuid[]) and case when c.user_id = any(@user_ids::uuid[]) then true else false end
    for no key update skip locked
), chat as (
    update chats set last_seq = chats.last_seq + 1, updated_at = now()
    from sent join free on free.id = sent.chat_id and free.user_id = sent.user_id
    where chats.id = free.id
    returning chats.id as chat_id, chats.last_seq, sent.id, sent.content
)
insert into messages (id, chat_id, seq, sender, content)
select chat.id, chat.chat_id, chat.last_seq, 'user', chat.content from chat
returning messages.id, messages.seq, messages.created_at;

-- name: MessageListAsc :many
-- MessageListAsc is a page of a chat's messages, oldest first (messages_chat_seq_key).
select m.id, m.seq, m.sender, m.content, m.status, m.error_code, m.error_message, m.suggestion, m.created_at, m.revision,
    m.lease_token
from chats c join messages m on m.chat_id = c.id
where c.id = @chat_id and c.user_id = @user_id and m.seq > @after_seq
order by m.seq
limit @page_size;

-- name: MessageListDesc :many
-- MessageListDesc is a page of a chat's messages, newest first (messages_chat_seq_key).
select m.id, m.seq, m.sender, m.content, m.status, m.error_code, m.error_message, m.suggestion, m.created_at, m.revision,
    m.lease_token
from chats c join messages m on m.chat_id = c.id
where c.id = @chat_id and c.user_id = @user_id and m.seq < @before_seq
order by m.seq desc
limit @page_size;

-- name: ReplyGet :one
-- ReplyGet reads a reply in a chat of its owner, by primary keys.
select m.* from chats c join messages m on m.chat_id = c.id
where c.id = @chat_id and c.user_id = @user_id and m.id = @id and m.sender = 'ai';

-- name: ReplyStop :one
-- ReplyStop ends a reply with what has been written of it. No row: it has ended already.
update messages
set status = 'complete', lease_until = null, error_code = null, error_message = null, revision = revision + 1,
    updated_at = now()
where id = @id and status in ('pending', 'streaming')
returning *;

-- name: ReplyRetry :one
-- ReplyRetry puts a failed reply back to be written anew. No row: it has not failed, or all of the account's slots are
-- taken; for two that take the same slot see MessageSend.
with slot as (
    select min(p.n)::int as n from generate_series(1, @slots::int) p (n)
    where not exists (
        select from messages m
        where m.user_id = @user_id::uuid and m.place = p.n and m.status in ('pending', 'streaming')
    )
)
update messages
set status = 'pending', content = '', suggestion = null, error_code = null, error_message = null, attempt = 0,
    run_at = now(), pushed_at = now(), pushes = 0, place = slot.n, request_id = sqlc.narg('request_id'),
    traceparent = sqlc.narg('traceparent'), revision = revision + 1, updated_at = now()
from slot
where messages.id = @id and messages.user_id = @user_id::uuid and messages.status = 'failed' and slot.n is not null
returning messages.*;

-- name: ReplyClaim :one
-- ReplyClaim takes a lease on a reply that is due or whose lease has lapsed, and begins a new attempt with an empty text.
-- Every later write of the attempt names its lease token, the fencing token. No row: another worker has the lease, or the
-- reply has ended.
-- plan: primary key only
update messages
set status = 'streaming', content = '', attempt = attempt + 1, lease_token = lease_token + 1,
    lease_until = now() + make_interval(secs => @lease_seconds::float8), pushes = 0, error_code = null,
    error_message = null, revision = revision + 1, updated_at = now()
where id = @id and attempt < @max_attempts
    and case status when 'pending' then run_at <= now() when 'streaming' then lease_until < now() else false end
returning *;

-- name: ReplyRenew :execrows
-- ReplyRenew prolongs a lease. No row: the lease is no longer the caller's.
-- plan: primary key only
update messages set lease_until = now() + make_interval(secs => @lease_seconds::float8)
where id = @id and case status when 'streaming' then lease_token = @lease_token else false end;

-- name: ReplyPersist :execrows
-- ReplyPersist stores the text that has been written so far. No row: the lease is no longer the caller's.
-- plan: primary key only
update messages set content = @content, revision = revision + 1, updated_at = now()
where id = @id and case status when 'streaming' then lease_token = @lease_token else false end;

-- name: ReplyEnd :one
-- ReplyEnd ends a reply, complete or failed, with what was written. No row: the lease is no longer the caller's.
-- plan: primary key only
update messages
set status = @status, content = @content, suggestion = sqlc.narg('suggestion')::jsonb, lease_until = null,
    error_code = sqlc.narg('error_code'), error_message = sqlc.narg('error_message'), revision = revision + 1,
    updated_at = now()
where id = @id and case status when 'streaming' then lease_token = @lease_token else false end
returning *;

-- name: ReplyPutBack :one
-- ReplyPutBack lets another attempt begin later; what was written stays readable until then. A released attempt (a worker
-- that drains) is not counted. No row: the lease is no longer the caller's.
-- plan: primary key only
update messages
set status = 'pending', content = @content, lease_until = null, error_code = sqlc.narg('error_code'),
    error_message = sqlc.narg('error_message'), attempt = attempt - case when @released::boolean then 1 else 0 end,
    run_at = now() + make_interval(secs => @delay_seconds::float8), pushed_at = null, pushes = 0,
    revision = revision + 1, updated_at = now()
where id = @id and case status when 'streaming' then lease_token = @lease_token else false end
returning *;

-- name: ReplyMarkDue :many
-- ReplyMarkDue marks the replies whose ids are to be pushed (again) as pushed; see JobMarkDue. Served by messages_pending_idx and messages_leased_idx; rows locked elsewhere are passed over.
with waiting as (
    select m.id from messages m
    where m.status = 'pending' and m.run_at <= now() and (
        m.pushed_at is null or m.pushed_at < sqlc.narg('pushed_before')::timestamptz or m.pushed_at < m.run_at
        or m.pushed_at < now() - sqlc.arg('repush_after_seconds')::float8 * (1 << m.pushes) * interval '1 second'
    )
    order by m.run_at limit @batch for update skip locked
), lapsed as (
    select m.id from messages m
    where m.status = 'streaming' and m.lease_until < now() and m.attempt < @max_attempts
        and (
            m.pushed_at is null or m.pushed_at < sqlc.narg('pushed_before')::timestamptz or m.pushed_at < m.lease_until
            or m.pushed_at < now() - sqlc.arg('repush_after_seconds')::float8 * (1 << m.pushes) * interval '1 second'
        )
    order by m.lease_until limit @batch for update skip locked
)
update messages set pushed_at = now(), pushes = case when pushes < 6 then pushes + 1 else pushes end
where messages.id in (select waiting.id from waiting union all select lapsed.id from lapsed)
returning messages.id;

-- name: ReplyUnmark :exec
-- ReplyUnmark takes back ReplyMarkDue for replies whose push failed.
update messages set pushed_at = null, pushes = greatest(pushes - 1, 0) where id = any(@ids::uuid[]);

-- name: ReplyExpire :many
-- ReplyExpire fails replies whose last attempt died with its worker (messages_leased_idx), and those that no worker took
-- for too long after they were due (messages_pending_idx).
with dead as (
    select m.id from messages m
    where m.status = 'streaming' and m.lease_until < now() and m.attempt >= @max_attempts
    order by m.lease_until limit @batch for update skip locked
), late as (
    select m.id from messages m
    where m.status = 'pending' and m.run_at < now() - make_interval(secs => @max_age_seconds::float8)
    order by m.run_at limit @batch for update skip locked
)
update messages
set status = 'failed', lease_until = null, revision = revision + 1, updated_at = now(),
    error_code = case when messages.status = 'pending' then @late_code::text else @dead_code::text end,
    error_message = case when messages.status = 'pending' then @late_message::text else @dead_message::text end
where messages.id in (select dead.id from dead union all select late.id from late)
returning messages.*;

-- name: ReplyTurns :many
-- ReplyTurns reads what was said before a reply, newest first (messages_chat_seq_key).
select m.sender, m.content from messages m
where m.chat_id = @chat_id and m.seq < @before_seq and m.status = 'complete' and m.content <> ''
order by m.seq desc
limit @most;

-- name: ReplyProject :one
-- ReplyProject reads the project that a chat is about, by primary keys. No row: none.
select sqlc.embed(projects), sqlc.embed(prompts)
from chats c join projects on projects.id = c.project_id and projects.user_id = c.user_id
    join prompts on prompts.id = projects.prompt_id
where c.id = @chat_id;

-- name: ReplyAllowance :one
-- ReplyAllowance reads what a reply in a chat is allowed by: the plan of the chat's owner, and how many replies of that account are
-- not finished (chats_pkey, users_pkey, messages_place_key). No row: no such chat.
select u.plan, (
    select count(*) from messages m where m.user_id = @user_id::uuid and m.status in ('pending', 'streaming')
)::int as unfinished
from chats c join users u on u.id = c.user_id
where c.id = @chat_id and c.user_id = @user_id::uuid;
