-- name: AuditRecord :exec
-- AuditRecord writes an audit entry; for no account where the account is gone. The lock is the one that the foreign key takes.
insert into audit_logs (id, user_id, action, ip, user_agent, meta)
values (@id, (select u.id from users u where u.id = sqlc.narg('user_id') for key share), @action, @ip::text, @user_agent::text, @meta);
