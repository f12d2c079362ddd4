package process_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// Each line of the Procfile works as platforms run it: by a shell, with PORT, in a directory with bin/mugshot.
func TestProcfile_startsEveryProcess(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "Procfile"))
	require.NoError(t, err)
	lines := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if name, command, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(name, "#") {
			lines[name] = command
		}
	}
	require.Len(t, lines, 3)
	empty := pgtest.Empty(t)
	f := &fixture{dsn: empty, redis: newRedis(t), dir: t.TempDir()}
	require.NoError(t, os.Mkdir(filepath.Join(f.dir, "bin"), 0o755))
	require.NoError(t, os.Symlink(binary, filepath.Join(f.dir, "bin", "mugshot")))
	release := exec.Command("sh", "-c", lines["release"])
	release.Dir, release.Env = f.dir, f.env("PATH="+os.Getenv("PATH"))
	said, err := release.CombinedOutput()
	require.NoError(t, err, string(said))
	code, out := run(t, f.dir, f.env(), "storage", "setup")
	require.Zero(t, code, out)

	api := startAs(t, f.dir, f.env(), "sh", "-c", "PORT=${HTTP_ADDR#*:}; exec env "+lines["api"])
	api.awaitReady(t, api.http)
	worker := startAs(t, f.dir, f.env(), "sh", "-c", "exec env "+lines["worker"])
	worker.awaitReady(t, worker.admin)
}
