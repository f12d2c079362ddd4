package devstack

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeBinary writes a program that prints a version and does nothing else.
func fakeBinary(t *testing.T, dir, name, answer string) {
	t.Helper()
	script := "#!/bin/sh\necho '" + answer + "'\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
}

func TestMajorOf_readsAVersion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		initdb, postgres string
		major            int
		problem          string
	}{
		"fit":          {initdb: "initdb (PostgreSQL) 17.10", postgres: "postgres (PostgreSQL) 17.10", major: 17},
		"Debian's":     {initdb: "initdb (PostgreSQL) 15.18 (Debian)", postgres: "postgres (PostgreSQL) 15.18 (Debian)", major: 15},
		"beta":         {initdb: "initdb (PostgreSQL) 19beta1", postgres: "postgres (PostgreSQL) 19beta1", major: 19},
		"too old":      {initdb: "initdb (PostgreSQL) 14.2", postgres: "postgres (PostgreSQL) 14.2", problem: "15 is the oldest"},
		"a mixture":    {initdb: "initdb (PostgreSQL) 16.1", postgres: "postgres (PostgreSQL) 17.1", problem: "initdb of version 16"},
		"not Postgres": {initdb: "hello", postgres: "hello", problem: "not a version of PostgreSQL"},
		"no initdb":    {postgres: "postgres (PostgreSQL) 17.10", problem: "does not run"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if c.initdb != "" {
				fakeBinary(t, dir, "initdb", c.initdb)
			}
			fakeBinary(t, dir, "postgres", c.postgres)
			major, err := majorOf(t.Context(), dir)
			if c.problem != "" {
				require.ErrorContains(t, err, c.problem)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.major, major)
		})
	}
}

func TestFindPostgres_usesPGBINOrFails(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PGBIN", dir)
	_, err := FindPostgres(t.Context(), FindConfig{})
	require.ErrorContains(t, err, "PGBIN does not name the directory of a usable PostgreSQL")

	fakeBinary(t, dir, "initdb", "initdb (PostgreSQL) 17.10")
	fakeBinary(t, dir, "postgres", "postgres (PostgreSQL) 17.10")
	found, err := FindPostgres(t.Context(), FindConfig{})
	require.NoError(t, err)
	require.Equal(t, dir, found)
}

func TestCandidates_followTheLinkOnThePath(t *testing.T) {
	bin := t.TempDir()
	lib, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	fakeBinary(t, lib, "postgres", "postgres (PostgreSQL) 17.10")
	require.NoError(t, os.Symlink(filepath.Join(lib, "postgres"), filepath.Join(bin, "postgres")))
	t.Setenv("PATH", bin)

	dirs := candidates()
	require.Equal(t, lib, dirs[len(dirs)-1])
}

func TestRestoreLinks_mendsWhatUnpackingLost(t *testing.T) {
	t.Parallel()
	pkg := t.TempDir()
	lib := filepath.Join(pkg, "native", "lib")
	require.NoError(t, os.MkdirAll(lib, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(lib, "libpq.so.5.17"), []byte("code"), 0o600))
	list := filepath.Join(pkg, "native", "pg-symlinks.json")
	require.NoError(t, os.WriteFile(list, []byte(`[{"source":"native/lib/libpq.so.5.17","target":"native/lib/libpq.so.5"}]`), 0o600))

	require.NoError(t, restoreLinks(pkg))
	require.NoError(t, restoreLinks(pkg), "a second time")
	content, err := os.ReadFile(filepath.Join(lib, "libpq.so.5"))
	require.NoError(t, err)
	require.Equal(t, "code", string(content))

	require.NoError(t, os.WriteFile(list, []byte(`[{"source":"native/lib/libpq.so.5.17","target":"../evil"}]`), 0o600))
	require.Error(t, restoreLinks(pkg), "outside the package")
}

func TestReachable_movesWhatTheAccountCannotReach(t *testing.T) {
	t.Parallel()
	root, err := os.MkdirTemp("", "devstack-") //nolint:usetesting // t.TempDir is closed itself
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(root)) })
	require.NoError(t, os.Chmod(root, 0o755))
	closed := filepath.Join(root, "closed")
	require.NoError(t, os.Mkdir(closed, 0o700))
	dir, public := filepath.Join(closed, "data"), filepath.Join(root, "public")
	who := &syscall.Credential{Uid: 4_000_000, Gid: 4_000_000} // no existing user

	require.Equal(t, closed, closedTo(who, dir))
	moved, err := reachable(dir, who, public)
	require.NoError(t, err)
	require.Equal(t, public, filepath.Dir(moved))
	require.NoError(t, os.WriteFile(filepath.Join(moved, "file"), nil, 0o600))
	require.FileExists(t, filepath.Join(dir, "file"), "a link is left")

	again, err := reachable(dir, who, public)
	require.NoError(t, err)
	require.Equal(t, moved, again)
	require.FileExists(t, filepath.Join(dir, "file"), "the data are kept")

	require.NoError(t, os.Remove(dir))
	_, err = reachable(dir, who, public)
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(dir, "file"), "without the link, the data are forgotten")
}

func TestReachable_leavesWhatTheAccountCanReach(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	got, err := reachable(dir, nil, "/nowhere")
	require.NoError(t, err)
	require.Equal(t, dir, got)
}
