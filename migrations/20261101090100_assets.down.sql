alter table if exists users drop constraint if exists users_profile_photo_fkey;
drop index if exists users_profile_photo_idx;
drop table if exists assets;
