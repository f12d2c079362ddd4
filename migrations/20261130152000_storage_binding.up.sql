-- What ties the buckets to this database: each holds a marker object with the name of the database whose pictures it has.
-- Objects without a row are removed only from buckets that are bound to the database that is asked. One row.

create table if not exists storage_bindings (
    only_row boolean primary key default true constraint storage_bindings_is_one check (only_row),
    -- the name in the marker
    database_id uuid not null default gen_random_uuid(),
    -- since when it is in the marker, or since when the database is known to be a restored one
    bound_at timestamptz not null default now(),
    -- when a bucket was last looked through; the marker is written after that, so a marker that is newer tells of a restore
    swept_at timestamptz not null default now()
);

alter table storage_bindings enable row level security;
