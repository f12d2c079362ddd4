drop table if exists password_resets;
drop table if exists email_codes;
drop table if exists sessions;
drop table if exists users;
