package migrate_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// steps returns three migrations.
func steps() fstest.MapFS {
	return fstest.MapFS{
		"20260101000000_cats.up.sql":   {Data: []byte("create table cats (id int); insert into cats values (1);")},
		"20260101000000_cats.down.sql": {Data: []byte("drop table cats;")},
		"20260102000000_dogs.up.sql":   {Data: []byte("create table dogs (id int);")},
		"20260102000000_dogs.down.sql": {Data: []byte("drop table dogs;")},
		"20260103000000_idx.up.sql":    {Data: []byte("-- can't be in a transaction\ncreate index concurrently cats_id on cats (id);\n")},
		"20260103000000_idx.down.sql":  {Data: []byte("drop index concurrently cats_id;\n")},
	}
}

// broken adds a fourth migration that fails after its first change.
func broken() fstest.MapFS {
	fsys := steps()
	fsys["20260104000000_oops.up.sql"] = &fstest.MapFile{Data: []byte("create table cows (id int);\ninsert into nowhere values (1);\n")}
	fsys["20260104000000_oops.down.sql"] = &fstest.MapFile{Data: []byte("drop table cows;")}
	return fsys
}

// up applies all migrations.
func up(t *testing.T, dsn string, fsys fstest.MapFS) (int, error) {
	t.Helper()
	return migrate.Up(t.Context(), dsn, fsys, slog.New(slog.DiscardHandler))
}

// down reverts n migrations.
func down(t *testing.T, dsn string, fsys fstest.MapFS, n int) (int, error) {
	t.Helper()
	return migrate.Down(t.Context(), dsn, fsys, n, slog.New(slog.DiscardHandler))
}

// applied returns the names of the migrations that Status reports as applied; none may be dirty.
func applied(t *testing.T, dsn string, fsys fstest.MapFS) []string {
	t.Helper()
	all, err := migrate.Status(t.Context(), dsn, fsys)
	require.NoError(t, err)
	names := []string{}
	for _, m := range all {
		require.False(t, m.Dirty)
		if m.Applied {
			names = append(names, m.Name)
		}
	}
	return names
}

// relations returns the tables and indexes of the public schema, without those of the version table.
func relations(t *testing.T, dsn string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	rows, err := conn.Query(t.Context(), `select relname::text from pg_class
		where relnamespace = 'public'::regnamespace and relname not like 'schema_migrations%' order by 1`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return names
}
