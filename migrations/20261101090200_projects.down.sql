alter table if exists projects drop constraint if exists projects_prompt_fkey;
drop table if exists prompts;
drop table if exists projects;
