-- passes over what was signed out of, however much that is
create index concurrently if not exists sessions_living_idx on sessions (user_id, id desc) where revoked_at is null;
