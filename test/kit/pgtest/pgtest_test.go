package pgtest_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func value(t *testing.T, conn *pgx.Conn, query string, args ...any) (v string) {
	t.Helper()
	require.NoError(t, conn.QueryRow(t.Context(), query, args...).Scan(&v))
	return v
}

func TestNew_hasTheSchema(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.New(t))
	require.Equal(t, "f", value(t, conn, "select dirty::text::char from schema_migrations"))
	require.Equal(t, "users", value(t, conn, "select to_regclass('users')::text"))
	require.Equal(t, pgtest.TimeZone, value(t, conn, "show timezone"))
	require.True(t, strings.HasPrefix(conn.Config().Database, "test_new_hastheschema_"), conn.Config().Database)
}

func TestNew_isForOneTestAlone(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{
		"1_words.up.sql":   {Data: []byte("create table words (word text)")},
		"1_words.down.sql": {Data: []byte("drop table words")},
	}
	one, other := connect(t, pgtest.NewWith(t, fsys)), connect(t, pgtest.NewWith(t, fsys))
	_, err := one.Exec(t.Context(), "insert into words values ('mine')")
	require.NoError(t, err)
	require.Equal(t, "1", value(t, one, "select count(*)::text from words"))
	require.Equal(t, "0", value(t, other, "select count(*)::text from words"))
}

func TestNew_isDroppedWhenTheTestEnds(t *testing.T) {
	var name string
	t.Run("which still has a session open", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), pgtest.New(t))
		require.NoError(t, err)
		name = conn.Config().Database
	})
	admin := connect(t, pgtest.Empty(t))
	require.Equal(t, "0", value(t, admin, "select count(*)::text from pg_database where datname = $1", name))
}

func TestEmpty_isEmpty(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.Empty(t))
	require.Equal(t, "0", value(t, conn, "select count(*)::text from pg_class where relnamespace = 'public'::regnamespace"))
}

func TestServer_losesNoCommitWhenKilled(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	_, err := connect(t, server.DSN("postgres")).Exec(t.Context(), "create table kept as select 1")
	require.NoError(t, err)
	server.Kill()
	require.NoError(t, server.Restart(t.Context()))
	require.Equal(t, "1", value(t, connect(t, server.DSN("postgres")), "select count(*)::text from kept"))
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		pgtest.New(b)
	}
}
