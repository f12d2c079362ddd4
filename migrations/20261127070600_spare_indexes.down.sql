set local lock_timeout = '3s';

do $$
begin
    create index if not exists chats_user_idx on chats (user_id);
    create index if not exists jobs_user_status_idx on jobs (user_id, status, id desc);
    create index if not exists projects_user_status_idx on projects (user_id, status, id desc);
    create index if not exists assets_user_type_idx on assets (user_id, type, id desc);
exception when undefined_table then null;
end
$$;
