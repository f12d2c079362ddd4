-- With jobs_pushed_idx, takes the place of jobs_queued_idx, in which the sweeper passed over all that waits, each second, to find
-- what no worker has been told of. Here is what was never pushed since it became due.
create index concurrently if not exists jobs_unpushed_idx on jobs (run_at)
    where status = 'queued' and waits_for is null and (pushed_at is null or pushed_at < run_at);
