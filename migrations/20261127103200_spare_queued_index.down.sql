set local lock_timeout = '3s';

do $$
begin
    create index if not exists jobs_queued_idx on jobs (run_at) where status = 'queued' and waits_for is null;
exception when undefined_table then null;
end
$$;
