package statements

import (
	"context"
	_ "embed"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/devstack"
)

//go:embed seed.sql
var seed string

const accounts = 1000 // of the seed

// seeded returns the id of a row of the seed.
func seeded(kind string, n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-%s-%012x", kind, n+1))
}

// fixture is a database that is a copy of the seeded one, and a connection beside the measured one.
type fixture struct {
	*postgres.Store
	beside  *pgx.Conn
	backend int // the process of the measured connection
}

// server starts a Postgres of its own, whose write-ahead log holds rows alone and no copies of pages, so that its size does not
// depend on when the last checkpoint was. No file is synced, since the time of a disk says nothing of a statement, and nothing
// vacuums beside the measurement.
func server(b *testing.B) *devstack.Postgres {
	b.Helper()
	dir, err := os.MkdirTemp("", "mugshot-statements-") //nolint:usetesting // run by root, Postgres is another user's, whom b.TempDir keeps out
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, os.RemoveAll(dir)) })
	require.NoError(b, os.Chmod(dir, 0o755))
	pg, err := devstack.StartPostgres(b.Context(), devstack.PostgresConfig{DataDir: filepath.Join(dir, "postgres"), Durable: true})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, pg.Stop()) })
	for _, setting := range []string{
		"fsync = off", "full_page_writes = off", "autovacuum = off", "shared_buffers = '1500MB'", "max_wal_size = '8GB'",
		"checkpoint_timeout = '1h'",
	} {
		execute(b, pg.DSN("postgres"), "alter system set "+setting)
	}
	require.NoError(b, pg.Restart(b.Context()))
	execute(b, pg.DSN("postgres"), "create database template_jobs")
	_, err = migrate.Up(b.Context(), pg.DSN("template_jobs"), migrations.FS, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	execute(b, pg.DSN("template_jobs"), seed, "create extension pg_walinspect", "create extension pg_prewarm", "vacuum analyze")
	return pg
}

// setup copies the seeded database, changes the copy by some SQL, and connects to it once.
func setup(b *testing.B, pg *devstack.Postgres, name, change string) *fixture {
	b.Helper()
	dsn := pg.DSN(name)
	execute(b, pg.DSN("postgres"), "drop database if exists "+name+" with (force)", "create database "+name+" template template_jobs strategy file_copy")
	execute(b, dsn, change, "checkpoint")
	f := &fixture{beside: connect(b, dsn)}
	var err error
	f.Store, err = postgres.Open(b.Context(), dsn, postgres.Options{MaxConns: 1})
	require.NoError(b, err)
	b.Cleanup(f.Close)
	require.NoError(b, f.Pool().QueryRow(b.Context(), "select pg_backend_pid()").Scan(&f.backend))
	// A process pays for each page of shared memory when it touches it first, which would count as the statements' own cost.
	_, err = f.Pool().Exec(b.Context(), "select pg_prewarm(oid) from pg_class where relkind in ('r', 'i', 't') and relnamespace <> 'pg_catalog'::regnamespace")
	require.NoError(b, err)
	return f
}

func connect(b *testing.B, dsn string) *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), dsn)
	require.NoError(b, err)
	b.Cleanup(func() { _ = conn.Close(context.WithoutCancel(b.Context())) })
	return conn
}

func execute(b *testing.B, dsn string, statements ...string) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), dsn)
	require.NoError(b, err)
	defer func() { require.NoError(b, conn.Close(context.WithoutCancel(b.Context()))) }()
	for _, statement := range statements {
		_, err := conn.Exec(b.Context(), statement)
		require.NoError(b, err, "%.80s", statement)
	}
}
