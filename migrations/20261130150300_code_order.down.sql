set local lock_timeout = '3s';
alter table if exists email_codes drop column if exists mail_created_at;
