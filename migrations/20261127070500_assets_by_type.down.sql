drop index concurrently if exists assets_user_type_id_idx;
