-- all columns upwards, so that one comparison of rows finds the place where a page begins
create index concurrently if not exists jobs_user_status_id_idx on jobs (user_id, status, id);
