-- When the mail with the code was asked for: an older mail that is sent late must not take the place of the newest code.
set local lock_timeout = '3s';
alter table email_codes add column if not exists mail_created_at timestamptz;
