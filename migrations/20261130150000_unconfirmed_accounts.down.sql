drop index concurrently if exists users_unconfirmed_idx;
