package devstack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	superuser          = "postgres"
	defaultConnections = 100
	defaultLockTimeout = 15 * time.Second // a durable server may have much to write before it stops
)

// PostgresConfig says what server StartPostgres starts.
type PostgresConfig struct {
	DataDir        string        // made when missing; holds the cluster, the password and the lock
	Port           int           // on 127.0.0.1; 0: a free one
	Durable        bool          // false: faster, and the data may not survive a crash of the machine. For tests
	Binaries       string        // the absolute path of initdb's and postgres' directory; "": what FindPostgres finds
	MaxConnections int           // 0: 100
	LockTimeout    time.Duration // how long to wait for an earlier server on DataDir to finish stopping; 0: 15 s, < 0: not at all
	Log            io.Writer     // takes the server's own log and the progress of an installation; may be nil
}

// Postgres is a running server, with password authentication, on the loopback interface alone. Its methods may be
// called from several goroutines.
type Postgres struct {
	cfg      PostgresConfig
	home     string // the real path of cfg.DataDir
	who      *syscall.Credential
	password string

	mu    sync.Mutex
	port  int
	child *child
}

// StartPostgres starts a server on cfg.DataDir and returns when it accepts connections; it initialises the directory if there is
// no data. When ctx ends before, the server is stopped again; later, ctx has no effect. It returns [ErrInUse] when another server
// uses the data directory.
func StartPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	if cfg.DataDir == "" {
		return nil, errors.New("start postgres: no data directory given")
	}
	if cfg.Binaries == "" {
		dir, err := FindPostgres(ctx, FindConfig{Progress: cfg.Log})
		if err != nil {
			return nil, err
		}
		cfg.Binaries = dir
	}
	if cfg.MaxConnections == 0 {
		cfg.MaxConnections = defaultConnections
	}
	if cfg.LockTimeout == 0 {
		cfg.LockTimeout = defaultLockTimeout
	}
	home, who, err := makeHome(cfg.DataDir)
	if err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	if closed := closedTo(who, cfg.Binaries); closed != "" {
		return nil, fmt.Errorf("start postgres: user %s, as whom the server runs, can't pass through %s to its binaries: "+
			"let PGBIN name a copy of them elsewhere", nameOf(who.Uid), closed)
	}
	p := &Postgres{cfg: cfg, home: home, who: who, port: cfg.Port}
	if err := p.start(ctx, cfg.LockTimeout); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	return p, nil
}

// DSN is the connection string of a database, for the superuser. It contains the password.
func (p *Postgres) DSN(database string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	dsn := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, p.password),
		Host:     net.JoinHostPort(loopback, strconv.Itoa(p.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return dsn.String()
}

// EnsureDatabase creates a database unless it exists.
func (p *Postgres) EnsureDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, p.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var exists bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", name).Scan(&exists); err != nil {
		return fmt.Errorf("look for database %s: %w", name, err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, "create database "+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}

// Stop ends all sessions and stops the server, with its data written. Stopping twice is harmless.
func (p *Postgres) Stop() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.child.stop(syscall.SIGINT) // fast shutdown: https://www.postgresql.org/docs/current/server-shutdown.html
}

// Kill stops the server as a crash would, with SIGKILL.
func (p *Postgres) Kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.child.kill()
}

// Restart stops the server unless it has ended, and starts it again on the same port and data. After Kill, it goes
// through crash recovery.
func (p *Postgres) Restart(ctx context.Context) error {
	if err := p.Stop(); err != nil {
		return err
	}
	if err := p.start(ctx, defaultLockTimeout); err != nil {
		return fmt.Errorf("restart postgres: %w", err)
	}
	return nil
}

func (p *Postgres) start(ctx context.Context, lockTimeout time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	lock, err := lockDir(ctx, p.home, lockTimeout)
	if err != nil {
		if errors.Is(err, ErrInUse) {
			return fmt.Errorf("a server %sstill runs on %w: stop the `mugshot-dev` or the test that started it", p.holder(), err)
		}
		return err
	}
	defer func() { _ = lock.Close() }()

	if err := p.initialise(ctx, lock); err != nil {
		return err
	}
	if err := p.clearStale(); err != nil {
		return err
	}
	p.port, err = onPort(p.port, func(port int) (bool, error) { return p.launch(ctx, port, lock) })
	return err
}

// launch starts the server on port. taken tells that it failed because the port is taken.
func (p *Postgres) launch(ctx context.Context, port int, lock *os.File) (taken bool, err error) {
	args := []string{"-D", p.cluster(), "-p", strconv.Itoa(port)}
	for _, setting := range p.settings() {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(filepath.Join(p.cfg.Binaries, "postgres"), args...)
	cmd.Env = serverEnv()
	cmd.ExtraFiles = []*os.File{lock}
	if p.child, err = startChild(cmd, p.who, p.cfg.Log); err != nil {
		return false, err
	}
	err = p.child.await(ctx, p.ready)
	if err == nil {
		return false, nil
	}
	if strings.Contains(p.child.output.String(), "Address already in use") {
		return true, fmt.Errorf("port %d is taken: %w", port, syscall.EADDRINUSE)
	}
	if strings.Contains(p.child.output.String(), "database files are incompatible with server") {
		return false, fmt.Errorf("%w\nthe data were made by another version: let PGBIN name the directory of its binaries, "+
			"or remove %s to begin anew", err, p.cfg.DataDir)
	}
	return false, err
}

func (p *Postgres) settings() []string {
	settings := []string{
		"listen_addresses=" + loopback,
		"unix_socket_directories=",
		"max_connections=" + strconv.Itoa(p.cfg.MaxConnections),
		"timezone=UTC",
		"log_timezone=UTC",
		"log_checkpoints=off",
	}
	if p.cfg.Durable {
		return settings
	}
	// https://www.postgresql.org/docs/current/non-durability.html, but for synchronous_commit=off, with which a kill
	// of the server alone would lose commits; and little write-ahead log, since scratch servers may live in memory.
	return append(settings,
		"fsync=off", "full_page_writes=off",
		"wal_level=minimal", "max_wal_senders=0", "min_wal_size=32MB", "max_wal_size=256MB",
		"autovacuum=off", "jit=off")
}

// serverEnv keeps the caller's PG* and locale variables from changing what a server does.
func serverEnv() []string {
	env := []string{"TZ=UTC", "LC_ALL=C"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// ready reads the status from postmaster.pid, as pg_ctl does, so that no log-in fails while the server starts.
func (p *Postgres) ready() bool {
	text, err := os.ReadFile(p.pidFile())
	if err != nil {
		return false
	}
	lines := bytes.Split(text, []byte("\n"))
	const pid, status = 0, 7 // of miscadmin.h, LOCK_FILE_LINE_*
	return len(lines) > status &&
		string(lines[pid]) == strconv.Itoa(p.child.cmd.Process.Pid) &&
		string(bytes.TrimSpace(lines[status])) == "ready"
}

func (p *Postgres) cluster() string { return filepath.Join(p.home, "cluster") }
func (p *Postgres) pidFile() string { return filepath.Join(p.cluster(), "postmaster.pid") }
