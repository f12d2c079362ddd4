//go:build psql

package process_test

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// script runs a script of deploy/ to its end.
func script(t *testing.T, f *fixture, name string, env []string, args ...string) (said string, err error) {
	t.Helper()
	cmd := exec.Command(filepath.Join("..", "..", "deploy", name), args...)
	cmd.Env = append(append([]string{"PATH=" + os.Getenv("PATH"), "MUGSHOT=" + binary}, f.env()...), env...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// First the drill of docs/operations.md on a running system, and then a real restore: the database is lost, and after the
// restore from a backup all rows are there, the ledger adds up, and jobs go on.
func TestRestore_bringsEverythingBack(t *testing.T) {
	t.Parallel()
	owner, admin := pgtest.Owned(t)
	f := setupWith(t, newRedis(t), owner, admin)
	role := f.runtimeRole(t)
	ada := f.drill(t)
	backup := filepath.Join(t.TempDir(), "rows.dump")
	said, err := script(t, f, "backup.sh", nil, backup)
	require.NoError(t, err, said)
	info, err := os.Stat(backup)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode(), "other users of the machine must not read it")
	said, err = script(t, f, "backup.sh", nil, backup)
	require.Error(t, err, "an older backup is never overwritten")
	require.Contains(t, said, "exists already")
	rows := f.count(t, "select count(*) from audit_logs")

	said, err = script(t, f, "restore.sh", nil, backup)
	require.Error(t, err)
	require.Contains(t, said, "not empty")
	f.lose(t)
	said, err = script(t, f, "restore.sh", nil, backup)
	require.NoError(t, err, said)
	require.Equal(t, rows, f.count(t, "select count(*) from audit_logs"))
	f.requireLocked(t)
	require.Zero(t, f.count(t, "select count(*) from storage_bindings"), "an operator binds the buckets")

	api := f.api(t)
	f.worker(t)
	ada.awaitSuccess(t, api, ada.queue(t, api, client.QualityDraft, 1)) // with the session of before
	f.audit(t)
	require.EqualValues(t, 8, f.balance(t, ada))
	require.Zero(t, f.count(t, "select count(*) from pg_policy"), "the other server may not have the role")
	code, said := run(t, f.dir, f.env("DATABASE_RUNTIME_ROLE="+role), "migrate", "up")
	require.Zero(t, code, said)
	require.Contains(t, said, "applied: 0")
	require.NotZero(t, f.count(t, "select count(*) from pg_policy"))
}

// runtimeRole makes the role of docs/deployment.md, step 3, and has `mugshot migrate up` grant it what it needs.
func (f *fixture) runtimeRole(t *testing.T) string {
	t.Helper()
	const role = "mugshot_test_restore"
	_, err := f.sql.Exec(t.Context(), `
		do $$
		begin
			create role `+role+` nologin;
		exception when duplicate_object or unique_violation then null;
		end
		$$`)
	require.NoError(t, err)
	code, said := run(t, f.dir, f.env("DATABASE_RUNTIME_ROLE="+role), "migrate", "up")
	require.Zero(t, code, said)
	return role
}

// drill does the main job, and runs the restore drill against a copy of the running system's database.
func (f *fixture) drill(t *testing.T) creator {
	t.Helper()
	api := f.api(t)
	ada := f.creator(t, api, 10)
	canceled := ada.queue(t, api, client.QualityDraft, 1)
	answer, err := ada.at(api).CancelJobWithResponse(t.Context(), canceled)
	require.NoError(t, err)
	require.NotNil(t, answer.JSON200, string(answer.Body))
	worker := f.worker(t)
	ada.awaitSuccess(t, api, ada.queue(t, api, client.QualityDraft, 1))
	empty, _ := pgtest.OwnedEmpty(t, f.dsn)
	said, err := script(t, f, "restore-drill.sh", []string{"DRILL_DATABASE_URL=" + empty})
	require.NoError(t, err, said)
	require.Contains(t, said, "All is well: 2 jobs, 1 assets.")
	require.NotContains(t, said, "applied=false")
	t.Log(said[strings.LastIndex(said, "dumped in"):])
	api.kill()
	worker.kill()
	return ada
}

// lose replaces the database by an empty one that is set up like a new Supabase project: tables that the owner creates are
// granted to the public roles.
func (f *fixture) lose(t *testing.T) {
	t.Helper()
	var admin string
	f.dsn, admin = pgtest.OwnedEmpty(t, f.dsn)
	f.store = factory.StoreAt(t, f.dsn)
	f.reopen(t, admin)
	_, err := f.sql.Exec(t.Context(), `
		do $$
		declare
			owner text := (select rolname from pg_roles r join pg_database d on d.datdba = r.oid where datname = current_database());
			public_role text;
		begin
			foreach public_role in array array['anon', 'authenticated'] loop
				begin
					execute format('create role %I nologin', public_role);
				exception when duplicate_object or unique_violation then null;
				end;
				execute format('alter default privileges for role %I in schema public grant all on tables to %I', owner, public_role);
			end loop;
		end
		$$`)
	require.NoError(t, err)
}

func (f *fixture) requireLocked(t *testing.T) {
	t.Helper()
	require.Zero(t, f.count(t, `
		select count(*) from pg_class c cross join unnest(array['anon', 'authenticated']) role
		where relnamespace = 'public'::regnamespace and relkind = 'r'
			and (not relrowsecurity or has_table_privilege(role, c.oid, 'select, insert, update, delete'))`))
	require.NotZero(t, f.count(t, "select count(*) from pg_tables where schemaname = 'public'"))
}

// reopen connects the test itself to another database.
func (f *fixture) reopen(t *testing.T, admin string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	f.sql = conn
}
