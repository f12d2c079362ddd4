drop index concurrently if exists jobs_pushed_idx;
