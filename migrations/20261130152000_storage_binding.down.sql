drop table if exists storage_bindings;
