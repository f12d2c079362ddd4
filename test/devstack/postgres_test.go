package devstack_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/devstack"
)

func startPostgres(t *testing.T, cfg devstack.PostgresConfig) *devstack.Postgres {
	t.Helper()
	if cfg.DataDir == "" {
		cfg.DataDir = dataDir(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	pg, err := devstack.StartPostgres(ctx, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, pg.Stop()) })
	return pg
}

// ask runs one statement on a connection of its own, and returns what it answers.
func ask(t *testing.T, dsn, statement string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	rows, err := conn.Query(t.Context(), statement)
	require.NoError(t, err)
	answers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return strings.Join(answers, " ")
}

func TestPostgres_servesADatabase(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, devstack.PostgresConfig{MaxConnections: 42})

	require.NoError(t, pg.EnsureDatabase(t.Context(), "mug's shot"))
	require.NoError(t, pg.EnsureDatabase(t.Context(), "mug's shot"), "a second time")
	dsn := pg.DSN("mug's shot")
	require.Equal(t, "mug's shot", ask(t, dsn, "select current_database()"))
	require.Equal(t, "42", ask(t, dsn, "show max_connections"))
	require.Equal(t, "127.0.0.1", ask(t, dsn, "show listen_addresses"))
	require.Equal(t, "UTC", ask(t, dsn, "show timezone"))
	require.Equal(t, "UTF8", ask(t, dsn, "show server_encoding"))
	require.Equal(t, "äöü", ask(t, dsn, "select lower('ÄÖÜ')"), "the locale knows Unicode")
}

func TestPostgres_asksForItsPassword(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, devstack.PostgresConfig{})

	cfg, err := pgx.ParseConfig(pg.DSN("postgres"))
	require.NoError(t, err)
	cfg.Password = "guess"
	_, err = pgx.ConnectConfig(t.Context(), cfg)
	require.ErrorContains(t, err, "password authentication failed")
}

func TestPostgres_keepsItsDataOverARestart(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := startPostgres(t, devstack.PostgresConfig{DataDir: dir, Durable: true})
	require.Equal(t, "on", ask(t, first.DSN("postgres"), "show fsync"))
	ask(t, first.DSN("postgres"), "create table kept as select 'here' as word")
	require.NoError(t, first.Stop())
	require.NoError(t, first.Stop(), "stopping twice")

	second := startPostgres(t, devstack.PostgresConfig{DataDir: dir, Durable: true})
	require.Equal(t, "here", ask(t, second.DSN("postgres"), "select word from kept"))
}

func TestPostgres_comesBackAfterAKill(t *testing.T) {
	t.Parallel()
	pg := startPostgres(t, devstack.PostgresConfig{})
	before := pg.DSN("postgres")
	ask(t, before, "create table kept as select 'here' as word")

	pg.Kill()
	_, err := pgx.Connect(t.Context(), before)
	require.Error(t, err)

	require.NoError(t, pg.Restart(t.Context()))
	require.Equal(t, before, pg.DSN("postgres"))
	require.Equal(t, "here", ask(t, before, "select word from kept"))
}

func TestPostgres_saysThatItsDataAreInUse(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	startPostgres(t, devstack.PostgresConfig{DataDir: dir})

	_, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{DataDir: dir, LockTimeout: -1})
	require.ErrorIs(t, err, devstack.ErrInUse)
	require.ErrorContains(t, err, "stop the `mugshot-dev` or the test that started it")
}

// In a container, the process id that a killed server left in postmaster.pid soon belongs to another program, and Postgres by
// itself then refuses to start.
func TestPostgres_ignoresARecycledProcessID(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	pg := startPostgres(t, devstack.PostgresConfig{DataDir: dir})
	pg.Kill()
	pidFile := filepath.Join(dir, "cluster", "postmaster.pid")
	content, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(content), "\n")
	require.NoError(t, os.WriteFile(pidFile, []byte(strconv.Itoa(os.Getpid())+"\n"+rest), 0o600))

	require.NoError(t, pg.Restart(t.Context()))
	require.Equal(t, "1", ask(t, pg.DSN("postgres"), "select '1'"))
}

func TestPostgres_doesNotOutliveItsParent(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	parent, dsn := startParent(t, "postgres", dir)
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()

	require.NoError(t, parent.Process.Signal(syscall.SIGKILL))

	_, err = conn.Exec(t.Context(), "select pg_sleep(60)")
	require.Error(t, err, "the server has ended the session")
	startPostgres(t, devstack.PostgresConfig{DataDir: dir}) // waits until the last of its processes is gone
}

func TestPostgres_refusesATakenPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()

	_, err = devstack.StartPostgres(t.Context(), devstack.PostgresConfig{
		DataDir: dataDir(t), Port: l.Addr().(*net.TCPAddr).Port,
	})
	require.ErrorIs(t, err, syscall.EADDRINUSE)
}

func TestPostgres_leavesNothingBehindWhenTheStartIsCutShort(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond) // some time into initdb
	defer cancel()
	if pg, err := devstack.StartPostgres(ctx, devstack.PostgresConfig{DataDir: dir}); err == nil {
		require.NoError(t, pg.Stop(), "on a fast machine")
	}
	startPostgres(t, devstack.PostgresConfig{DataDir: dir})
}

func TestScratchPostgres_removesWhatEarlierTestsLeft(t *testing.T) {
	dir := dataDir(t)
	require.NoError(t, os.Mkdir(dir, 0o755))
	t.Setenv("TMPDIR", dir)
	first, err := devstack.StartScratchPostgres(t.Context(), devstack.PostgresConfig{})
	require.NoError(t, err)
	defer func() { _ = first.Stop() }()
	require.NoError(t, first.EnsureDatabase(t.Context(), "test_left"))
	ask(t, first.DSN("test_left"), "create table t ()")

	second, err := devstack.StartScratchPostgres(t.Context(), devstack.PostgresConfig{})
	require.NoError(t, err, "beside the first")
	require.NotEqual(t, first.DSN("postgres"), second.DSN("postgres"))
	require.NoError(t, second.Stop())

	require.NoError(t, first.Stop())
	again, err := devstack.StartScratchPostgres(t.Context(), devstack.PostgresConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, again.Stop()) }()
	require.Empty(t, ask(t, again.DSN("postgres"), "select datname from pg_database where datname = 'test_left'"))
}

// startParent starts a process that starts a server, and returns it with the server's address.
func startParent(t *testing.T, kind, dir string) (*exec.Cmd, string) {
	t.Helper()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"="+kind, "DEVSTACK_TEST_DIR="+dir)
	parent.Stderr = os.Stderr
	_, err := parent.StdinPipe()
	require.NoError(t, err)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	t.Cleanup(func() {
		_ = parent.Process.Kill()
		_ = parent.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return parent, strings.TrimSpace(address)
}
