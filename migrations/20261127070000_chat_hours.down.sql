set local lock_timeout = '3s';
alter table if exists chats drop column if exists updated_hour;
