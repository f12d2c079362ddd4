-- Takes the place of jobs_waiting_idx, which held what was queued alone. Where the planner had last counted while nothing waited,
-- it took that index for empty, and read the whole backlog for each job that was queued or claimed in it. A query that asks
-- for queued jobs does not say that they are unfinished unless it wants this index.
create index concurrently if not exists jobs_unfinished_idx on jobs (queued_at) where finished_at is null;
