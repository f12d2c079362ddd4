set local lock_timeout = '3s';
alter table if exists sessions reset (parallel_workers);
alter table if exists assets reset (parallel_workers);
alter table if exists projects reset (parallel_workers);
alter table if exists prompts reset (parallel_workers);
alter table if exists jobs reset (parallel_workers);
alter table if exists chats reset (parallel_workers);
alter table if exists messages reset (parallel_workers);
