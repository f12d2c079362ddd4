-- name: AuditRecord :exec
-- AuditRecord notes a security event.
insert into audit_logs (id, user_id, action, ip, user_agent, meta)
values (@id, sqlc.narg('user_id'), @action, @ip::text, @user_agent::text, @meta);
