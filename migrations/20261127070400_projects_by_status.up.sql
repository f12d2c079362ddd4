-- see jobs_by_status
create index concurrently if not exists projects_user_status_id_idx on projects (user_id, status, id);
