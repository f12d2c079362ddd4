drop index concurrently if exists sessions_living_idx;
