-- Starting a second process costs more than any page: of a million projects of one account, the plan that serves any
-- arguments took one for a page of 50, and 380 ms, where it takes less than one without.

set local lock_timeout = '3s';
alter table sessions set (parallel_workers = 0);
alter table assets set (parallel_workers = 0);
alter table projects set (parallel_workers = 0);
alter table prompts set (parallel_workers = 0);
alter table jobs set (parallel_workers = 0);
alter table chats set (parallel_workers = 0);
alter table messages set (parallel_workers = 0);
