set local lock_timeout = '3s';

do $$
begin
    create index if not exists jobs_waiting_idx on jobs (queued_at) where status = 'queued';
exception when undefined_table then null;
end
$$;
