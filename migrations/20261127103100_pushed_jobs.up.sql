-- What waits in Redis, by when it was pushed: what was pushed before the oldest task there is lost.
create index concurrently if not exists jobs_pushed_idx on jobs (pushed_at) where status = 'queued' and waits_for is null;
