package migrations_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

func TestMigrations_upDownUp(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	conn := connect(t, dsn)
	require.Empty(t, schema(t, conn))
	all := len(names(t))

	require.Equal(t, all, up(t, dsn, migrations.FS))
	first := schema(t, conn)
	require.Zero(t, up(t, dsn, migrations.FS), "twice up")
	requireSchema(t, first, conn)

	require.Equal(t, all, down(t, dsn, migrations.FS, all+1))
	require.Empty(t, schema(t, conn), "no table, index, type or function is left")
	require.Zero(t, down(t, dsn, migrations.FS, 1))
	status, err := migrate.Status(t.Context(), dsn, migrations.FS)
	require.NoError(t, err)
	for _, m := range status {
		require.False(t, m.Applied, m)
	}

	require.Equal(t, all, up(t, dsn, migrations.FS))
	requireSchema(t, first, conn)
}

// Each down migration leads exactly to the schema before its up migration.
func TestMigrations_stepByStep(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	conn := connect(t, dsn)
	before := schema(t, conn)
	for i, name := range names(t) {
		t.Log(name) // the last one is where it failed
		history := oldest(t, i+1)
		require.Equal(t, 1, up(t, dsn, history))
		after := schema(t, conn)
		require.NotEqual(t, before, after, "it does nothing")
		require.Equal(t, 1, down(t, dsn, history, 1))
		requireSchema(t, before, conn)
		require.Equal(t, 1, up(t, dsn, history))
		requireSchema(t, after, conn)
		before = after
	}
}

// The newest migration, the newest two, … all of them are reverted and applied again while every table has rows.
func TestMigrations_downAndUpWithRows(t *testing.T) {
	t.Parallel()
	for i := range names(t) {
		steps := i + 1
		t.Run(fmt.Sprintf("%d steps", steps), func(t *testing.T) {
			t.Parallel()
			dsn, conn := filled(t)
			whole := schema(t, conn)
			require.Equal(t, steps, down(t, dsn, migrations.FS, steps))
			require.NotEqual(t, whole, schema(t, conn))
			require.Equal(t, steps, up(t, dsn, migrations.FS))
			requireSchema(t, whole, conn)
			paste(t, conn, rows) // fills what went
			for table, n := range counts(t, conn) {
				require.NotZero(t, n, table)
			}
		})
	}
}

// Every file can be pasted by hand, without a tool, and twice, since an operator may not know what was pasted already.
func TestMigrations_pastedTwice(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	conn := connect(t, dsn)
	migrated := schema(t, connect(t, pgtest.New(t)))
	for range 2 {
		for _, name := range names(t) {
			paste(t, conn, content(t, name+".up.sql"))
			paste(t, conn, content(t, name+".up.sql"))
		}
	}
	requireSchema(t, migrated, conn)

	require.Equal(t, len(names(t)), up(t, dsn, migrations.FS), "which can take over")
	requireSchema(t, migrated, conn)

	for range 2 {
		for _, name := range reversed(names(t)) {
			paste(t, conn, content(t, name+".down.sql"))
			paste(t, conn, content(t, name+".down.sql"))
		}
	}
	require.Empty(t, schema(t, conn))
}

func TestMigrations_pastedOntoRows_changeNone(t *testing.T) {
	t.Parallel()
	_, conn := filled(t)
	whole, said := schema(t, conn), digest(t, conn)
	for _, name := range names(t) {
		paste(t, conn, content(t, name+".up.sql"))
	}
	requireSchema(t, whole, conn)
	require.Equal(t, said, digest(t, conn))
}
