-- name: AssetGet :one
-- AssetGet reads a ready asset of its owner by primary key.
select * from assets where id = @id and user_id = @user_id and status = 'ready';

-- name: AssetListByIDs :many
-- AssetListByIDs reads ready assets of one owner by primary keys; the caller bounds the list.
select * from assets where id = any(@ids::uuid[]) and user_id = @user_id and status = 'ready';
