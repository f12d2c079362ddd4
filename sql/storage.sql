-- The one row that ties the buckets to this database.

-- name: StorageBindingGet :one
-- StorageBindingGet reads the row, and makes it where there is none, by primary key. Of two that make it at once one waits
-- for the other, and reads what that has made.
insert into storage_bindings (only_row) values (true)
on conflict (only_row) do update set only_row = true
returning *;

-- name: StorageBound :exec
-- StorageBound dates the binding to now, by primary key.
update storage_bindings set bound_at = now(), swept_at = now() where only_row;

-- name: StorageSwept :exec
-- StorageSwept dates the end of a look through a bucket, by primary key.
update storage_bindings set swept_at = now() where only_row;
