alter table if exists users drop constraint if exists users_profile_photo_fkey;
drop index if exists users_profile_photo_idx;
drop table if exists assets;

-- The column is the accounts' own: what it pointed to is gone, and the way up would find nothing there.
do $$
begin
    update users set profile_photo_asset_id = null where profile_photo_asset_id is not null;
exception when undefined_table then null;
end
$$;
