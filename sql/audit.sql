-- name: AuditRecord :exec
-- AuditRecord writes an audit entry.
insert into audit_logs (id, user_id, action, ip, user_agent, meta)
values (@id, sqlc.narg('user_id'), @action, @ip::text, @user_agent::text, @meta);
