-- Supabase serves every table of the public schema to whoever has its anon key, unless it is told not to. The server
-- connects as the owner of the tables, to whom row-level security does not apply; everybody else sees nothing.

alter table users enable row level security;
alter table sessions enable row level security;
alter table email_codes enable row level security;
alter table password_resets enable row level security;
alter table assets enable row level security;
alter table projects enable row level security;
alter table prompts enable row level security;
alter table jobs enable row level security;
alter table provider_slots enable row level security;
alter table renders enable row level security;
alter table chats enable row level security;
alter table messages enable row level security;
alter table audit_logs enable row level security;
alter table outbox_mails enable row level security;
alter table idempotency_keys enable row level security;
-- made by whichever tool runs the migrations
alter table if exists schema_migrations enable row level security;

do $$
declare
    public_role text;
begin
    -- Outside Supabase these roles do not exist.
    for public_role in select rolname from pg_roles where rolname in ('anon', 'authenticated') loop
        execute format('revoke all on all tables in schema public from %I', public_role);
        execute format('revoke all on all sequences in schema public from %I', public_role);
        execute format('alter default privileges in schema public revoke all on tables from %I', public_role);
        execute format('alter default privileges in schema public revoke all on sequences from %I', public_role);
    end loop;
end
$$;
