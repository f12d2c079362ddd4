-- accounts whose address was never confirmed, by age: the sweeper removes those that are too old
create index concurrently if not exists users_unconfirmed_idx on users (created_at) where email_confirmed_at is null;
