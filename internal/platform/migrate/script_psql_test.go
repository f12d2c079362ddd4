//go:build psql

package migrate_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// These tests hold migrations/apply_migrations.sh against this package: each must be able to go on where the other
// stopped.

type script struct {
	path, dsn string
}

// newScript lays out a copy of the script beside migrations.
func newScript(t *testing.T, dsn string, fsys fstest.MapFS) script {
	t.Helper()
	_, err := exec.LookPath("psql")
	require.NoError(t, err, "this test needs psql: install it (Debian: apt-get install postgresql-client, macOS: brew install libpq)")
	dir := t.TempDir()
	if fsys != nil {
		require.NoError(t, os.CopyFS(dir, fsys))
	} else {
		require.NoError(t, os.CopyFS(dir, migrations.FS))
	}
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "migrations", "apply_migrations.sh"))
	require.NoError(t, err)
	path := filepath.Join(dir, "apply_migrations.sh")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return script{path: path, dsn: dsn}
}

func (s script) run(args ...string) (output string, err error) {
	cmd := exec.Command("sh", append([]string{s.path}, args...)...)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+s.dsn)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (s script) mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.run(args...)
	require.NoError(t, err, out)
	return out
}

func TestScript_upAndDown(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	s := newScript(t, dsn, steps())
	require.Equal(t, "pending 20260101000000_cats\npending 20260102000000_dogs\npending 20260103000000_idx", s.mustRun(t, "status"))
	require.Equal(t, "applied 20260101000000_cats\napplied 20260102000000_dogs\napplied 20260103000000_idx", s.mustRun(t, "up"))
	require.Equal(t, "nothing to apply", s.mustRun(t, "up"))
	require.Equal(t, []string{"cats", "dogs", "idx"}, applied(t, dsn, steps()))
	require.Equal(t, []string{"cats", "cats_id", "dogs"}, relations(t, dsn))

	require.Equal(t, "took back 20260103000000_idx", s.mustRun(t, "down"))
	require.Equal(t, "applied 20260101000000_cats\napplied 20260102000000_dogs\npending 20260103000000_idx", s.mustRun(t, "status"))
	require.Equal(t, "took back 20260102000000_dogs\ntook back 20260101000000_cats", s.mustRun(t, "down", "99"))
	require.Equal(t, "nothing to take back", s.mustRun(t, "down"))
	require.Empty(t, relations(t, dsn))
}

func TestScript_takesTurnsWithThePackage(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	s := newScript(t, dsn, steps())

	s.mustRun(t, "up")
	n, err := up(t, dsn, steps())
	require.NoError(t, err)
	require.Zero(t, n)
	n, err = down(t, dsn, steps(), 2)
	require.NoError(t, err)
	require.Equal(t, 2, n)

	require.Equal(t, "took back 20260101000000_cats", s.mustRun(t, "down"))
	require.Empty(t, applied(t, dsn, steps()))
	n, err = up(t, dsn, steps())
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.Equal(t, "nothing to apply", s.mustRun(t, "up"))
	require.Equal(t, "took back 20260103000000_idx\ntook back 20260102000000_dogs", s.mustRun(t, "down", "2"))
	require.Equal(t, []string{"cats"}, applied(t, dsn, steps()))
	n, err = up(t, dsn, steps())
	require.NoError(t, err)
	require.Equal(t, 2, n)
}

func TestScript_failureLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	out, err := newScript(t, dsn, broken()).run("up")
	require.Error(t, err)
	require.Contains(t, out, "20260104000000_oops.up.sql:2: ERROR:  relation \"nowhere\" does not exist")
	require.Equal(t, []string{"cats", "dogs", "idx"}, applied(t, dsn, steps()))
	require.NotContains(t, relations(t, dsn), "cows")
	require.Equal(t, "nothing to apply", newScript(t, dsn, steps()).mustRun(t, "up"), "and is not in the way")
}

func TestScript_doesNotQueueForATableInUse(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	newScript(t, dsn, steps()).mustRun(t, "up")
	release := use(t, dsn, "cats")
	s := newScript(t, dsn, withLockTimeout())
	out, err := s.run("up")
	require.Error(t, err)
	require.Contains(t, out, "canceling statement due to lock timeout")
	release()
	require.Equal(t, "applied 20260104000000_names", s.mustRun(t, "up"))
}

func TestScript_failureOutsideATransactionIsDirtyForBoth(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	fsys := steps()
	fsys["20260103000000_idx.up.sql"] = &fstest.MapFile{Data: []byte("create index concurrently no_index on nowhere (id);")}
	_, err := newScript(t, dsn, fsys).run("up")
	require.Error(t, err)
	var dirty *migrate.DirtyError
	_, err = up(t, dsn, fsys)
	require.ErrorAs(t, err, &dirty)
	require.EqualValues(t, 20260103000000, dirty.Version)
}

func TestScript_refusesWhatThePackageLeftDirty(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	_, err := up(t, dsn, broken())
	require.Error(t, err)
	s := newScript(t, dsn, broken())
	for _, command := range []string{"up", "down"} {
		out, err := s.run(command)
		require.Error(t, err)
		require.Contains(t, out, "the database is marked dirty at version 20260104000000")
		require.Contains(t, out, "update schema_migrations set version = VERSION, dirty = false")
	}
	require.Contains(t, s.mustRun(t, "status"), "dirty   20260104000000_oops")
}

func TestScript_refusesADatabaseThatIsAhead(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	s := newScript(t, dsn, steps())
	s.mustRun(t, "up")
	require.NoError(t, os.Remove(filepath.Join(filepath.Dir(s.path), "20260103000000_idx.up.sql")))
	out, err := s.run("up")
	require.Error(t, err)
	require.Contains(t, out, "the database is at version 20260103000000 , which is not among these migrations")
}

func TestScript_runsOnceForManyAtATime(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	s := newScript(t, dsn, steps())
	var group errgroup.Group
	for i := range 4 {
		group.Go(func() error {
			if i%2 == 0 {
				_, err := up(t, dsn, steps())
				return err
			}
			_, err := s.run("up")
			return err
		})
	}
	require.NoError(t, group.Wait())
	require.Equal(t, []string{"cats", "dogs", "idx"}, applied(t, dsn, steps()))
}

func TestScript_appliesTheProductsMigrations(t *testing.T) {
	t.Parallel()
	dsn := pgtest.Empty(t)
	s := newScript(t, dsn, nil)
	s.mustRun(t, "up")
	all, err := migrate.Status(t.Context(), dsn, migrations.FS)
	require.NoError(t, err)
	require.True(t, all[len(all)-1].Applied)
	s.mustRun(t, "down", "999")
	require.Empty(t, relations(t, dsn))
	s.mustRun(t, "up")
}

func TestScript_explainsItself(t *testing.T) {
	t.Parallel()
	s := newScript(t, "", steps())
	out, err := s.run()
	require.Error(t, err)
	require.Contains(t, out, "usage:")
	out, err = s.run("up")
	require.Error(t, err)
	require.Contains(t, out, "DATABASE_URL is not set")
	s.dsn = "postgres://127.0.0.1:1/none"
	for _, bad := range [][]string{{"down", "0"}, {"down", "x"}, {"up", "1"}, {"sideways"}} {
		out, err = s.run(bad...)
		require.Error(t, err)
		require.Contains(t, out, "usage:", bad)
	}
	out, err = s.run("status")
	require.Error(t, err)
	require.NotContains(t, out, "pending")
}

func TestScript_takesItsTime(t *testing.T) {
	t.Parallel()
	s := newScript(t, withStatementTimeout(t), slow())
	s.mustRun(t, "up")
	s.mustRun(t, "down", "1")
}
