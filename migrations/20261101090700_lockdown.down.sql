-- Grants are not given back: what was revoked was never meant to be granted.
alter table if exists schema_migrations disable row level security;
alter table if exists idempotency_keys disable row level security;
alter table if exists outbox_mails disable row level security;
alter table if exists audit_logs disable row level security;
alter table if exists messages disable row level security;
alter table if exists chats disable row level security;
alter table if exists renders disable row level security;
alter table if exists provider_slots disable row level security;
alter table if exists jobs disable row level security;
alter table if exists prompts disable row level security;
alter table if exists projects disable row level security;
alter table if exists assets disable row level security;
alter table if exists password_resets disable row level security;
alter table if exists email_codes disable row level security;
alter table if exists sessions disable row level security;
alter table if exists users disable row level security;
