alter table if exists projects drop constraint if exists projects_last_job_fkey;
drop index if exists projects_last_job_idx;
drop table if exists renders;
drop table if exists jobs;
drop table if exists provider_slots;
alter table if exists users drop column if exists job_turns;

-- The column is the projects' own: what it pointed to is gone, and the way up would find nothing there.
do $$
begin
    update projects set last_job_id = null where last_job_id is not null;
exception when undefined_table then null;
end
$$;
