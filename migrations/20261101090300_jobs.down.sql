alter table if exists projects drop constraint if exists projects_last_job_fkey;
drop index if exists projects_last_job_idx;
drop table if exists renders;
drop table if exists jobs;
