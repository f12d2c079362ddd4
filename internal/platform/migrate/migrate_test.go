package migrate_test

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

func TestUpAndDown(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	require.Empty(t, applied(t, dsn, steps()))

	n, err := up(t, dsn, steps())
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, []string{"cats", "dogs", "idx"}, applied(t, dsn, steps()))
	require.Equal(t, []string{"cats", "cats_id", "dogs"}, relations(t, dsn))

	n, err = up(t, dsn, steps())
	require.NoError(t, err)
	require.Zero(t, n, "a second time")

	n, err = down(t, dsn, steps(), 2)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.Equal(t, []string{"cats"}, applied(t, dsn, steps()))

	n, err = down(t, dsn, steps(), 99)
	require.NoError(t, err)
	require.Equal(t, 1, n, "as many as there are")
	require.Empty(t, relations(t, dsn))

	n, err = down(t, dsn, steps(), 1)
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = up(t, dsn, steps())
	require.NoError(t, err)
	require.Equal(t, 3, n)

	_, err = down(t, dsn, steps(), 0)
	require.Error(t, err)
}

func TestUp_runsOnceForManyAtATime(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	var total atomic.Int64
	var group errgroup.Group
	for range 4 {
		group.Go(func() error {
			n, err := up(t, dsn, steps())
			total.Add(int64(n))
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.EqualValues(t, 3, total.Load())
}

func TestUp_failureLeavesADirtyDatabaseAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	n, err := up(t, dsn, broken())
	require.Equal(t, 3, n, "those before the broken one")
	require.ErrorContains(t, err, "migration 20260104000000_oops.up.sql failed: line 2: ")
	require.ErrorContains(t, err, `relation "nowhere" does not exist`)
	require.NotContains(t, err.Error(), "create table cows", "the file is not repeated")
	var dirty *migrate.DirtyError
	require.ErrorAs(t, err, &dirty)
	require.EqualValues(t, 20260104000000, dirty.Version)
	require.NotContains(t, relations(t, dsn), "cows", "a file is one transaction")

	for _, again := range []func() (int, error){
		func() (int, error) { return up(t, dsn, broken()) },
		func() (int, error) { return down(t, dsn, broken(), 1) },
	} {
		n, err = again()
		require.Zero(t, n)
		require.ErrorAs(t, err, &dirty)
		require.ErrorContains(t, err, "update schema_migrations set version = VERSION, dirty = false")
	}
	all, err := migrate.Status(t.Context(), dsn, broken())
	require.NoError(t, err)
	require.True(t, all[3].Dirty)
	require.False(t, all[2].Dirty)

	execute(t, dsn, "update schema_migrations set version = 20260103000000, dirty = false")
	n, err = up(t, dsn, steps())
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestDown_failureOfTheFirst(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	fsys := fstest.MapFS{
		"1_cats.up.sql":   {Data: []byte("create table cats (id int);")},
		"1_cats.down.sql": {Data: []byte("drop table dogs;")},
	}
	_, err := up(t, dsn, fsys)
	require.NoError(t, err)
	var dirty *migrate.DirtyError
	_, err = down(t, dsn, fsys, 1)
	require.ErrorAs(t, err, &dirty)
	_, err = up(t, dsn, fsys)
	require.ErrorAs(t, err, &dirty)
	require.EqualValues(t, -1, dirty.Version)
}

func TestUp_refusesADatabaseThatIsAhead(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	_, err := up(t, dsn, steps())
	require.NoError(t, err)
	older := steps()
	delete(older, "20260103000000_idx.up.sql")
	delete(older, "20260103000000_idx.down.sql")

	var unknown *migrate.UnknownVersionError
	_, err = up(t, dsn, older)
	require.ErrorAs(t, err, &unknown)
	require.EqualValues(t, 20260103000000, unknown.Version)
	_, err = migrate.Status(t.Context(), dsn, older)
	require.ErrorAs(t, err, &unknown)
}

// withLockTimeout adds a migration that changes a table in use with a lock_timeout, as migrations/README.md asks for: it had
// better fail than queue for the table, since all readers would queue behind it.
func withLockTimeout() fstest.MapFS {
	fsys := steps()
	fsys["20260104000000_names.up.sql"] = &fstest.MapFile{Data: []byte(
		"set local lock_timeout = '50ms';\nalter table cats add column if not exists name text;\n")}
	fsys["20260104000000_names.down.sql"] = &fstest.MapFile{Data: []byte("alter table cats drop column if exists name;")}
	return fsys
}

// use locks a table as a long transaction does, until release is called.
func use(t *testing.T, dsn, table string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	release = func() { _ = conn.Close(context.WithoutCancel(t.Context())) }
	t.Cleanup(release)
	_, err = conn.Exec(t.Context(), "begin; lock table "+table+" in access share mode")
	require.NoError(t, err)
	return release
}

func TestUp_doesNotQueueForATableInUse(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	_, err := up(t, dsn, steps())
	require.NoError(t, err)
	release := use(t, dsn, "cats")

	_, err = up(t, dsn, withLockTimeout())
	require.ErrorContains(t, err, "canceling statement due to lock timeout")
	var dirty *migrate.DirtyError
	require.ErrorAs(t, err, &dirty)
	require.EqualValues(t, 20260104000000, dirty.Version)

	release()
	execute(t, dsn, "update schema_migrations set version = 20260103000000, dirty = false") // nothing was kept
	n, err := up(t, dsn, withLockTimeout())
	require.NoError(t, err)
	require.Equal(t, 1, n)
}

func TestUp_givesUpWaitingWhenTheContextEnds(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	holder, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = holder.Close(context.WithoutCancel(t.Context())) }()
	_, err = holder.Exec(t.Context(), "select pg_advisory_lock(7166483291)")
	require.NoError(t, err)

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = migrate.Up(ctx, dsn, steps(), slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Empty(t, relations(t, dsn))
}

func TestUp_namesWhatIsWrongWithTheFiles(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	_, err := up(t, dsn, fstest.MapFS{})
	require.ErrorContains(t, err, "there are no migrations")
	_, err = up(t, dsn, fstest.MapFS{"1_cats.up.sql": {}})
	require.ErrorContains(t, err, "migration 1_cats.up.sql has no way back")
	_, err = up(t, dsn, fstest.MapFS{"cats.up.sql": {}})
	require.ErrorContains(t, err, "cats.up.sql is not named")
}

func execute(t *testing.T, dsn, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = conn.Exec(t.Context(), statement)
	require.NoError(t, err)
}

// slow adds a fourth migration that takes longer than the time-out of withStatementTimeout.
func slow() fstest.MapFS {
	fsys := steps()
	fsys["20260104000000_slow.up.sql"] = &fstest.MapFile{Data: []byte("select pg_sleep(0.4);")}
	fsys["20260104000000_slow.down.sql"] = &fstest.MapFile{Data: []byte("select pg_sleep(0.4);")}
	return fsys
}

// withStatementTimeout returns a database whose sessions have a statement time-out of 200 ms, as docs/deployment.md advises
// for roles.
func withStatementTimeout(t *testing.T) (dsn string) {
	t.Helper()
	dsn = pgtest.Empty(t)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	_, err = conn.Exec(t.Context(), `do $$ begin execute format('alter database %I set statement_timeout = 200', current_database()); end $$`)
	require.NoError(t, err)
	return dsn
}

func TestUp_ignoresTheStatementTimeout(t *testing.T) {
	t.Parallel()
	n, err := up(t, withStatementTimeout(t), slow())
	require.NoError(t, err)
	require.Equal(t, 4, n)
}
