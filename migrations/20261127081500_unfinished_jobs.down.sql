drop index concurrently if exists jobs_unfinished_idx;
