package migrations_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// runtime stands for the role that docs/deployment.md makes for API and workers.
const runtime = "mugshot_test_api"

// granted returns a database as Supabase has it, with rows, and a role that API and workers may connect as.
func granted(t *testing.T) (dsn string) {
	t.Helper()
	dsn, admin := supabase(t)
	paste(t, admin, `
		do $$
		begin
			create role `+runtime+` nologin nosuperuser;
		exception when duplicate_object or unique_violation then null;
		end
		$$`)
	up(t, as(t, dsn, owner), migrations.FS)
	paste(t, admin, rows)
	for range 2 { // repeating it changes nothing
		require.NoError(t, migrate.Grant(t.Context(), as(t, dsn, owner), runtime))
	}
	return dsn
}

func TestRuntimeRole_seesAndWritesRows(t *testing.T) {
	t.Parallel()
	dsn := granted(t)
	conn := connect(t, as(t, dsn, runtime))
	for table, n := range counts(t, conn) {
		require.NotZero(t, n, table)
	}
	paste(t, conn, `
		update users set full_name = full_name;
		update audit_logs set ip = null, user_agent = null;
		insert into erasures (user_id, final_at) values (gen_random_uuid(), now());
		delete from erasures`)
}

// A stolen password of the runtime changes no schema, opens nothing to the public roles, and can't rewrite the ledger.
func TestRuntimeRole_ownsNothing(t *testing.T) {
	t.Parallel()
	dsn := granted(t)
	conn := connect(t, as(t, dsn, runtime))
	for _, statement := range []string{
		"create table mine (id int)", "drop table users", "truncate users cascade", "alter table users add column spare int",
		"alter table users disable row level security", "create policy open on users using (true)",
		"create index spare on users (id)", "create trigger spare before insert on users execute function now()",
		"delete from audit_logs", "update audit_logs set delta_credits = 1", "update audit_logs set user_id = null",
		"select from schema_migrations", "insert into schema_migrations values (1, false)",
	} {
		refused, ok := errors.AsType[*pgconn.PgError](spoil(t, conn, statement))
		require.True(t, ok, "%s may %s", runtime, statement)
		require.Equal(t, "42501", refused.Code, "%s: %s", statement, refused.Message) // insufficient_privilege
	}
}

func TestRuntimeRole_hasNoPolicyForOthers(t *testing.T) {
	t.Parallel()
	dsn := granted(t)
	paste(t, connect(t, dsn), "grant all on all tables in schema public to anon")
	conn := connect(t, as(t, dsn, "anon"))
	for table, n := range counts(t, conn) {
		require.Zero(t, n, table)
	}
}

// A table of a later release is closed to the runtime until the grant is repeated, as `mugshot migrate up` does.
func TestRuntimeRole_getsLaterTables(t *testing.T) {
	t.Parallel()
	dsn := granted(t)
	paste(t, connect(t, as(t, dsn, owner)), "create table later (id int); alter table later enable row level security; insert into later values (1)")
	conn := connect(t, as(t, dsn, runtime))
	require.ErrorContains(t, spoil(t, conn, "select from later"), "permission denied")
	require.NoError(t, migrate.Grant(t.Context(), as(t, dsn, owner), runtime))
	require.Len(t, list(t, conn, "select id::text from later"), 1)
}

func TestRuntimeRole_hasToExist(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	err := migrate.Grant(t.Context(), dsn, "mugshot_test_missing")
	require.ErrorContains(t, err, "does not exist")
}

func TestStore_ownsTables(t *testing.T) {
	t.Parallel()
	dsn := granted(t)
	for role, owns := range map[string]bool{owner: true, runtime: false} {
		store, err := postgres.Open(t.Context(), as(t, dsn, role), postgres.Options{})
		require.NoError(t, err)
		t.Cleanup(store.Close)
		got, err := store.OwnsTables(t.Context())
		require.NoError(t, err)
		require.Equal(t, owns, got, role)
	}
}
