//go:build pgbouncer

package process_test

import (
	"context"
	"net/url"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/devstack"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
	"github.com/mugshot-studio/backend/test/kit/tlstest"
)

// setupPooled makes a fixture as on Supabase: the processes reach the database by TLS, through a pooler in transaction mode with
// few connections, as a role that owns the tables and is no superuser. direct is the address without the pooler.
func setupPooled(t *testing.T) (f *fixture, direct string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	owner, admin := pgtest.Owned(t)
	authority := tlstest.New(t)
	cert, key := authority.Issue(t, "127.0.0.1")
	bouncer, err := devstack.StartPgBouncer(ctx, devstack.PgBouncerConfig{Upstream: owner, PoolSize: 4, TLSCert: cert, TLSKey: key})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bouncer.Stop()) })
	return setupWith(t, newRedis(t), bouncer.DSN(url.Values{
		"sslmode": {"verify-full"}, "sslrootcert": {authority.File}, "default_query_exec_mode": {"cache_describe"},
	}.Encode()), admin), owner
}

// The main job through a pooler: three processes whose pools are larger than the pooler's, one of which dies on the way.
func TestPgBouncer_carriesTheMainJob(t *testing.T) {
	t.Parallel()
	f, _ := setupPooled(t)
	apis := [2]*process{f.api(t), f.api(t)}
	worker := f.worker(t, shortLease)
	ada := f.creator(t, apis[0], 30)
	first := ada.queue(t, apis[1], client.QualityN4K, 2)
	ada.awaitStage(t, apis[0], first, client.JobStageGenerating)
	worker.kill()
	f.worker(t, shortLease)
	for _, answer := range ada.atOnce(t, apis, 10, nil) {
		require.NotNil(t, answer.JSON201, string(answer.Body))
		ada.awaitSuccess(t, apis[1], answer.JSON201.JobID)
	}
	require.Len(t, ada.awaitSuccess(t, apis[0], first).Renders, 2)
	f.audit(t)
	require.EqualValues(t, 12, f.balance(t, ada))
	for _, api := range apis {
		api.stop(t, syscall.SIGTERM)
	}
}

// The role that Supabase gives to clients with a public key can read nothing, through the pooler either. The server's role can
// read everything.
func TestPgBouncer_leavesRowsLocked(t *testing.T) {
	t.Parallel()
	f, _ := setupPooled(t)
	api := f.api(t)
	f.creator(t, api, 30)
	_, err := f.sql.Exec(t.Context(), `
		do $$ begin create role anon nologin; exception when duplicate_object or unique_violation then null; end $$`)
	require.NoError(t, err)
	_, err = f.sql.Exec(t.Context(), `do $$ begin execute format('grant anon to %I', (select tableowner from pg_tables where tablename = 'users')); end $$`)
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), f.dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	for _, table := range []string{"users", "jobs", "audit_logs", "sessions"} {
		tx, err := conn.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), "set local role anon")
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), "select from "+table)
		require.ErrorContains(t, err, "permission denied", table)
		require.NoError(t, tx.Rollback(t.Context()))
	}
	require.Equal(t, 1, f.count(t, "select count(*) from users"))
}

// Migrations take a lock that belongs to a session, which a pooler in transaction mode does not provide.
func TestPgBouncer_isRefusedByMigrations(t *testing.T) {
	t.Parallel()
	f, direct := setupPooled(t)
	code, said := run(t, f.dir, []string{"DATABASE_URL=" + f.dsn}, "migrate", "up")
	require.Equal(t, 1, code)
	require.Contains(t, said, "session mode")
	code, said = run(t, f.dir, []string{"DATABASE_URL=" + direct}, "migrate", "up")
	require.Zero(t, code, said)
}
