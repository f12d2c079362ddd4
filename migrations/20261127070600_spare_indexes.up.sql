-- What the new indexes serve as well.

set local lock_timeout = '3s';
drop index if exists chats_user_idx;
drop index if exists jobs_user_status_idx;
drop index if exists projects_user_status_idx;
drop index if exists assets_user_type_idx;
