drop index concurrently if exists projects_user_status_id_idx;
