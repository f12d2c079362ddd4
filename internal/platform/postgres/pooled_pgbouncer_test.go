//go:build pgbouncer

package postgres_test

import (
	"context"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/devstack"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
	"github.com/mugshot-studio/backend/test/kit/tlstest"
)

const pooledMode = "&default_query_exec_mode=cache_describe"

// pooler starts PgBouncer in front of a database, and returns an address to it and the superuser's past it.
func pooler(t *testing.T, size int, authority *tlstest.Authority) (pooled, admin string) {
	t.Helper()
	owner, admin := pgtest.Owned(t)
	cfg := devstack.PgBouncerConfig{Upstream: owner, PoolSize: size}
	query := "sslmode=disable" + pooledMode
	if authority != nil {
		cfg.TLSCert, cfg.TLSKey = authority.Issue(t, "127.0.0.1")
		query = "sslmode=verify-full&sslrootcert=" + url.QueryEscape(authority.File) + pooledMode
	}
	bouncer, err := devstack.StartPgBouncer(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, bouncer.Stop()) })
	return bouncer.DSN(query), admin
}

func open(t *testing.T, dsn string, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), dsn, o)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// Two processes that have more connections than the pooler share the pooler's statement by statement. Prepared statements
// would sooner or later be missing, or exist twice.
func TestOpen_pooledConnectionsAreShared(t *testing.T) {
	t.Parallel()
	dsn, _ := pooler(t, 2, tlstest.New(t))
	one, other := open(t, dsn, postgres.Options{MaxConns: 6}), open(t, dsn, postgres.Options{MaxConns: 6})
	user := factory.User(t, one, 7)
	failures := make(chan error, 12)
	for i := range cap(failures) {
		s := []*postgres.Store{one, other}[i%2]
		go func() {
			for range 30 {
				err := s.InTx(t.Context(), func(q *db.Queries) error {
					_, err := q.UserGet(t.Context(), user.ID)
					return err
				})
				if err == nil {
					_, err = s.Queries().AssetListByIDs(t.Context(), db.AssetListByIDsParams{UserID: &user.ID, Ids: []uuid.UUID{user.ID}})
				}
				if err != nil {
					failures <- err
					return
				}
			}
			failures <- nil
		}()
	}
	for range cap(failures) {
		require.NoError(t, <-failures)
	}
}

// A statement that takes too long ends at the server too, and the connection serves the next one.
func TestOpen_pooledStatementsEndInTime(t *testing.T) {
	t.Parallel()
	dsn, direct := pooler(t, 2, nil)
	const timeout = 300 * time.Millisecond
	s := open(t, dsn, postgres.Options{MaxConns: 2, StatementTimeout: timeout})
	user := factory.User(t, open(t, dsn, postgres.Options{}), 7) // without a time-out
	admin, err := pgx.Connect(t.Context(), direct)
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close(context.Background())) }()
	_, err = admin.Exec(t.Context(), "begin; lock table users")
	require.NoError(t, err)

	for name, blocked := range map[string]func() error{
		"one row": func() error { _, err := s.Queries().UserGet(t.Context(), user.ID); return err },
		"rows":    func() error { _, err := s.Queries().CreditImbalances(t.Context()); return err },
		"in a transaction": func() error {
			return s.InTx(t.Context(), func(q *db.Queries) error { _, err := q.UserGet(t.Context(), user.ID); return err })
		},
	} {
		begun := time.Now()
		err := blocked()
		require.ErrorIs(t, err, apperr.ErrUnavailable, name)
		require.Greater(t, time.Since(begun), timeout/2, name)
		require.Less(t, time.Since(begun), 10*timeout, name)
		require.Eventually(t, func() bool {
			var waiting int
			require.NoError(t, admin.QueryRow(t.Context(), `
				select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).Scan(&waiting))
			return waiting == 0
		}, 5*time.Second, 20*time.Millisecond, "%s: left running at the server", name)
	}
	_, err = admin.Exec(t.Context(), "rollback")
	require.NoError(t, err)
	got, err := s.Queries().UserGet(t.Context(), user.ID)
	require.NoError(t, err)
	require.EqualValues(t, 7, got.Credits)
}

// The lock belongs to a transaction, so it does not stay on a connection that another process gets next.
func TestStore_exclusiveWorksThroughAPooler(t *testing.T) {
	t.Parallel()
	dsn, direct := pooler(t, 4, nil)
	admin, err := pgx.Connect(t.Context(), direct)
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close(context.Background())) }()
	one, other := open(t, dsn, postgres.Options{MaxConns: 2}), open(t, dsn, postgres.Options{MaxConns: 2})
	const key = 4711
	for range 3 {
		ran, err := one.Exclusive(t.Context(), key, func(ctx context.Context) error {
			require.NoError(t, one.Ping(ctx), "work goes on beside the lock")
			ran, err := other.Exclusive(ctx, key, func(context.Context) error { return nil })
			require.NoError(t, err)
			require.False(t, ran)
			return nil
		})
		require.NoError(t, err)
		require.True(t, ran)
		ran, err = other.Exclusive(t.Context(), key, func(context.Context) error { return nil })
		require.NoError(t, err)
		require.True(t, ran)
		var left int
		require.NoError(t, admin.QueryRow(t.Context(), `
			select count(*) from pg_locks where locktype = 'advisory'
				and database = (select oid from pg_database where datname = current_database())`).Scan(&left))
		require.Zero(t, left, "locks stayed behind")
	}
}
