-- name: IdempotencyClaim :execrows
-- IdempotencyClaim takes a key in the caller's transaction. A second transaction with the same key waits here until
-- the first has ended, and then changes no row if it committed. A key past its time is taken anew.
insert into idempotency_keys (user_id, operation, key, request_hash, expires_at)
values (@user_id, @operation, @key, @request_hash, @expires_at)
on conflict (user_id, operation, key) do update
set request_hash = excluded.request_hash, result = null, created_at = now(), expires_at = excluded.expires_at
where idempotency_keys.expires_at <= @now::timestamptz;

-- name: IdempotencyGet :one
-- IdempotencyGet reads what is known of a key, by primary key.
select * from idempotency_keys where user_id = @user_id and operation = @operation and key = @key;

-- name: IdempotencyStore :exec
-- IdempotencyStore keeps the result of the operation in the transaction that brought it about.
update idempotency_keys set result = @result::jsonb
where user_id = @user_id and operation = @operation and key = @key;

-- name: IdempotencyExpire :execrows
-- IdempotencyExpire forgets keys past their time (idempotency_keys_expiry_idx), some at a time.
delete from idempotency_keys
where ctid = any(array(
    select k.ctid from idempotency_keys k where k.expires_at <= @now::timestamptz limit @batch for update skip locked
));
