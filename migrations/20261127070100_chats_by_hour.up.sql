-- serves the list of an account's chats
create index concurrently if not exists chats_user_hour_idx on chats (user_id, updated_hour);
