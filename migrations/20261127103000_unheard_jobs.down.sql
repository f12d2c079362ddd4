drop index concurrently if exists jobs_unpushed_idx;
