-- A mail that tells the owner of an account about a change of its second factor. What old rows say is checked in the next step.
set local lock_timeout = '3s';
alter table outbox_mails drop constraint if exists outbox_mails_kind_check;
alter table outbox_mails add constraint outbox_mails_kind_check
    check (kind in ('confirm_email', 'reset_password', 'password_changed', 'account_locked', 'second_factor_changed')) not valid;
