package migrations_test

import (
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// The roles to which Supabase serves the public schema: the first is that of every client with the project's public key.
var publicRoles = []string{"anon", "authenticated"}

// owner stands for Supabase's role postgres: it owns the tables, runs the migrations and the server, and is no superuser.
const owner = "mugshot_test_owner"

// supabase returns an empty database with the roles and the grants of a new Supabase project: tables that the owner creates in
// the public schema are granted to the public roles. Roles belong to the whole server, and other test binaries create them, too.
// https://supabase.com/docs/guides/database/postgres/roles
func supabase(t *testing.T) (dsn string, admin *pgx.Conn) {
	t.Helper()
	dsn = pgtest.Empty(t)
	admin = connect(t, dsn)
	for _, role := range append([]string{owner}, publicRoles...) {
		paste(t, admin, fmt.Sprintf(`
			do $$
			begin
				create role %s nologin noinherit nosuperuser;
			exception when duplicate_object or unique_violation then null;
			end
			$$`, role))
	}
	paste(t, admin, fmt.Sprintf(`
		grant create, usage on schema public to %[1]s;
		grant usage on schema public to anon, authenticated;
		alter default privileges for role %[1]s in schema public grant all on tables to anon, authenticated;
		alter default privileges for role %[1]s in schema public grant all on sequences to anon, authenticated;
		alter default privileges for role %[1]s in schema public grant all on functions to anon, authenticated;
	`, owner))
	return dsn, admin
}

// as returns the address of dsn for a session of another role.
func as(t *testing.T, dsn, role string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	query := u.Query()
	query.Set("role", role)
	u.RawQuery = query.Encode()
	return u.String()
}

// change returns a statement that updates every row of a table that the session may write to, with the values it has.
func change(t *testing.T, admin *pgx.Conn, table string) string {
	t.Helper()
	first := list(t, admin, "select quote_ident(attname) from pg_attribute where attrelid = $1::regclass and attnum = 1", table)[0]
	return fmt.Sprintf("update %s set %[2]s = %[2]s", table, first)
}

func TestAccess_publicRolesAreRefused(t *testing.T) {
	t.Parallel()
	dsn, admin := supabase(t)
	up(t, as(t, dsn, owner), migrations.FS)
	paste(t, admin, rows)
	before := digest(t, admin)

	for _, role := range publicRoles {
		conn := connect(t, as(t, dsn, role))
		require.Equal(t, []string{role}, list(t, conn, "select current_user::text"))
		for _, table := range append(tables(t, admin), "schema_migrations") {
			for _, statement := range []string{
				"select from " + table, "insert into " + table + " default values", change(t, admin, table),
				"delete from " + table, "truncate " + table + " cascade", "lock table " + table,
			} {
				refused, ok := errors.AsType[*pgconn.PgError](spoil(t, conn, statement))
				require.True(t, ok, "%s may %s", role, statement)
				require.Equal(t, "42501", refused.Code, "%s: %s", statement, refused.Message) // insufficient_privilege
			}
		}
		require.Empty(t, list(t, admin, `
			select seqrelid::regclass::text from pg_sequence
			where has_sequence_privilege($1, seqrelid, 'usage, select, update')`, role), "sequences of %s", role)
		require.Empty(t, list(t, admin, `
			select oid::regprocedure::text from pg_proc
			where pronamespace = 'public'::regnamespace and has_function_privilege($1, oid, 'execute')`, role), "functions of %s", role)
	}
	require.Equal(t, before, digest(t, admin))
}

// The second barrier, in case a grant is given again: without a policy, only the owner sees rows.
func TestAccess_rowLevelSecurityHidesWhatIsGranted(t *testing.T) {
	t.Parallel()
	dsn, admin := supabase(t)
	up(t, as(t, dsn, owner), migrations.FS)
	paste(t, admin, rows)
	before := digest(t, admin)
	paste(t, admin, "grant all on all tables in schema public to anon, authenticated")

	for _, role := range publicRoles {
		conn := connect(t, as(t, dsn, role))
		for table := range before {
			for _, statement := range []string{"select from " + table, change(t, admin, table), "delete from " + table} {
				tag, err := conn.Exec(t.Context(), statement)
				require.NoError(t, err)
				require.Zero(t, tag.RowsAffected(), "%s: %s", role, statement)
			}
		}
		_, err := conn.Exec(t.Context(), "insert into erasures (user_id, final_at) values (gen_random_uuid(), now())")
		require.ErrorContains(t, err, "row-level security policy")
	}
	require.Equal(t, before, digest(t, admin))
}

func TestAccess_everyTableHasRowLevelSecurity(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t))
	require.Empty(t, list(t, conn, `
		select relname::text from pg_class
		where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relrowsecurity`),
		"end the migration that makes the table with: alter table … enable row level security")
	require.Empty(t, list(t, conn, "select polname::text from pg_policy"), "policies would show rows that only the server needs")
	require.Empty(t, list(t, conn, `
		select relname::text from pg_class
		where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')`), "views see with their owner's eyes")
}

// Tables created after the lockdown are locked as well.
func TestAccess_laterTablesAreRefused(t *testing.T) {
	t.Parallel()
	dsn, _ := supabase(t)
	up(t, as(t, dsn, owner), migrations.FS)
	paste(t, connect(t, as(t, dsn, owner)), "create table later (id bigint generated always as identity, word text)")
	for _, role := range publicRoles {
		conn := connect(t, as(t, dsn, role))
		for _, statement := range []string{
			"select from later", "insert into later (word) values ('x')", "select nextval('later_id_seq')",
		} {
			require.ErrorContains(t, spoil(t, conn, statement), "permission denied", role)
		}
	}
}

// The server, as the owner, sees all rows: row-level security does not apply to it.
func TestAccess_theOwnerSeesEverything(t *testing.T) {
	t.Parallel()
	dsn, _ := supabase(t)
	require.Equal(t, len(names(t)), up(t, as(t, dsn, owner), migrations.FS), "without a superuser's rights")
	conn := connect(t, as(t, dsn, owner))
	paste(t, conn, rows)
	for table, n := range counts(t, conn) {
		require.NotZero(t, n, table)
	}
	require.Equal(t, len(names(t)), down(t, as(t, dsn, owner), migrations.FS, len(names(t))))
	require.Empty(t, tables(t, conn))
}
