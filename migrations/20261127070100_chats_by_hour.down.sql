drop index concurrently if exists chats_user_hour_idx;
