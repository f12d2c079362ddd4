-- Pictures: what people upload and what is rendered for them. A row without a ready object is a pending upload.

create table if not exists assets (
    id uuid primary key,
    -- null: uploaded for a sign-up that has not happened yet
    user_id uuid references users (id) on delete cascade,
    type text not null check (type in ('selfie', 'ref', 'copy_target', 'render', 'profile_photo')),
    status text not null default 'pending' check (status in ('pending', 'ready', 'rejected')),
    bucket text not null check (bucket in ('profile_photos', 'user_assets', 'renders')),
    storage_path text not null,
    content_type text not null check (content_type in ('image/jpeg', 'image/png', 'image/webp')),
    size_bytes bigint not null check (size_bytes > 0),
    width int check (width > 0),
    height int check (height > 0),
    md5 text check (md5 ~ '^[0-9a-f]{32}$'),
    reject_reason text,
    -- when a pending upload is given up; null once it is ready
    expires_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint assets_ready_is_measured check (
        status <> 'ready' or (width is not null and height is not null and md5 is not null)
    )
);

create unique index if not exists assets_object_key on assets (bucket, storage_path);
create index if not exists assets_user_idx on assets (user_id, id desc);
create index if not exists assets_user_type_idx on assets (user_id, type, id desc);
create index if not exists assets_pending_idx on assets (expires_at) where status = 'pending';
create index if not exists assets_rejected_idx on assets (updated_at) where status = 'rejected';

do $$
begin
    alter table users add constraint users_profile_photo_fkey
        foreign key (profile_photo_asset_id) references assets (id) on delete set null;
exception when duplicate_object then null;
end
$$;

create index if not exists users_profile_photo_idx on users (profile_photo_asset_id) where profile_photo_asset_id is not null;
