-- see jobs_by_status
create index concurrently if not exists assets_user_type_id_idx on assets (user_id, type, id);
