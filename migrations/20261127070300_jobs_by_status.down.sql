drop index concurrently if exists jobs_user_status_id_idx;
