-- What jobs_unfinished_idx serves as well.

set local lock_timeout = '3s';
drop index if exists jobs_waiting_idx;
