package migrations_test

import (
	"context"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// paste runs statements as psql and Supabase's SQL editor do: all at once, by the simple protocol.
func paste(t *testing.T, conn *pgx.Conn, statements string) {
	t.Helper()
	_, err := conn.PgConn().Exec(t.Context(), statements).ReadAll()
	require.NoError(t, err)
}

// list returns the rows of a query of one column.
func list(t *testing.T, conn *pgx.Conn, query string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(t.Context(), query, args...)
	require.NoError(t, err)
	answers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return answers
}

func up(t *testing.T, dsn string, fsys fs.FS) (applied int) {
	t.Helper()
	applied, err := migrate.Up(t.Context(), dsn, fsys, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return applied
}

func down(t *testing.T, dsn string, fsys fs.FS, steps int) (reverted int) {
	t.Helper()
	reverted, err := migrate.Down(t.Context(), dsn, fsys, steps, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	return reverted
}

// names lists the migrations without their endings, oldest first.
func names(t *testing.T) []string {
	t.Helper()
	files, err := fs.Glob(migrations.FS, "*.up.sql") // sorted
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for i, file := range files {
		files[i] = strings.TrimSuffix(file, ".up.sql")
	}
	return files
}

// content returns the content of a migration.
func content(t *testing.T, file string) string {
	t.Helper()
	text, err := fs.ReadFile(migrations.FS, file)
	require.NoError(t, err)
	return string(text)
}

// oldest returns the first n migrations only.
func oldest(t *testing.T, n int) fs.FS {
	t.Helper()
	some := fstest.MapFS{}
	for _, name := range names(t)[:n] {
		for _, file := range []string{name + ".up.sql", name + ".down.sql"} {
			some[file] = &fstest.MapFile{Data: []byte(content(t, file))}
		}
	}
	return some
}

// tables lists the product's tables.
func tables(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	return list(t, conn, `select relname::text from pg_class
		where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname <> 'schema_migrations' order by 1`)
}

// reversed returns the migrations in the order in which they are reverted.
func reversed(names []string) []string {
	names = slices.Clone(names)
	slices.Reverse(names)
	return names
}
