set local lock_timeout = '3s';
do $$
begin
    delete from outbox_mails where kind = 'second_factor_changed';
exception when undefined_table then null;
end
$$;
alter table if exists outbox_mails drop constraint if exists outbox_mails_kind_check;
alter table if exists outbox_mails add constraint outbox_mails_kind_check
    check (kind in ('confirm_email', 'reset_password', 'password_changed', 'account_locked'));
