set local lock_timeout = '3s';
alter table if exists outbox_mails drop constraint if exists outbox_mails_kind_check;
alter table if exists outbox_mails add constraint outbox_mails_kind_check
    check (kind in ('confirm_email', 'reset_password', 'password_changed', 'account_locked', 'second_factor_changed')) not valid;
