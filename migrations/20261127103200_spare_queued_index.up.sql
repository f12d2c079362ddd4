-- What jobs_unpushed_idx and jobs_pushed_idx serve as well.

set local lock_timeout = '3s';
drop index if exists jobs_queued_idx;
