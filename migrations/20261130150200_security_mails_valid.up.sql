-- Checks the rows that were there before security_mails, without keeping writes away.
set local lock_timeout = '3s';
alter table outbox_mails validate constraint outbox_mails_kind_check;
