drop table if exists erasures;
