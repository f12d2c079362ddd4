set local lock_timeout = '5s';
drop table if exists second_factor_challenges;
drop table if exists recovery_codes;
drop table if exists second_factors;
alter table if exists users drop column if exists second_factor_enabled_at;
