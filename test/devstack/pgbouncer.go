package devstack

import (
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
	"syscall"

	"github.com/jackc/pgx/v5"
)

// defaultPoolSize is PgBouncer's own default_pool_size.
const defaultPoolSize = 20

// PgBouncerConfig says what pooler StartPgBouncer starts.
type PgBouncerConfig struct {
	Upstream string    // the address of the database; clients use its user and password as well
	PoolSize int       // connections to Postgres; 0: 20
	TLSCert  []byte    // PEM; clients must then use TLS; nil: no TLS
	TLSKey   []byte    // PEM, of TLSCert
	Log      io.Writer // takes the pooler's own log; may be nil
}

// PgBouncer is a running pooler in transaction mode, on the loopback interface alone: each transaction gets any of its few
// connections, and no state of a session lasts longer. Its settings are the strictest, so that what works here works through
// Supabase's poolers.
type PgBouncer struct {
	cfg      PgBouncerConfig
	upstream *pgx.ConnConfig
	dir      string
	port     int
	child    *child
}

// StartPgBouncer starts the pgbouncer on the PATH, and returns when it accepts connections. The caller must call
// [PgBouncer.Stop].
func StartPgBouncer(ctx context.Context, cfg PgBouncerConfig) (*PgBouncer, error) {
	path, err := exec.LookPath("pgbouncer")
	if err != nil {
		return nil, errors.New("there is no pgbouncer on the PATH: install one (Debian: apt-get install pgbouncer, macOS: brew install pgbouncer)")
	}
	upstream, err := pgx.ParseConfig(cfg.Upstream)
	if err != nil {
		return nil, errors.New("start pgbouncer: the upstream is no Postgres address")
	}
	if cfg.PoolSize == 0 {
		cfg.PoolSize = defaultPoolSize
	}
	who, err := serverAccount() // like Postgres, it refuses to run as root
	if err != nil {
		return nil, err
	}
	b := &PgBouncer{cfg: cfg, upstream: upstream}
	if b.dir, err = os.MkdirTemp("", "mugshot-pgbouncer-"); err != nil {
		return nil, fmt.Errorf("make a directory for pgbouncer: %w", err)
	}
	b.port, err = onPort(0, func(port int) (bool, error) { return b.launch(ctx, path, who, port) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start pgbouncer: %w", err), os.RemoveAll(b.dir))
	}
	return b, nil
}

// DSN is the address of the database through the pooler. It contains the password.
func (b *PgBouncer) DSN(query string) string {
	dsn := url.URL{
		Scheme: "postgres", User: url.UserPassword(b.upstream.User, b.upstream.Password),
		Host: net.JoinHostPort(loopback, strconv.Itoa(b.port)), Path: "/" + b.upstream.Database, RawQuery: query,
	}
	return dsn.String()
}

// Stop stops the pooler and removes its configuration.
func (b *PgBouncer) Stop() error {
	return errors.Join(b.child.stop(syscall.SIGTERM), os.RemoveAll(b.dir)) // SIGTERM: at once, SIGINT: when clients have gone
}

func (b *PgBouncer) launch(ctx context.Context, path string, who *syscall.Credential, port int) (taken bool, err error) {
	b.port = port
	if err := b.write(who); err != nil {
		return false, err
	}
	cmd := exec.Command(path, filepath.Join(b.dir, "pgbouncer.ini")) // #nosec G204 -- the pgbouncer on the PATH
	cmd.Env = serverEnv()
	if b.child, err = startChild(cmd, who, b.cfg.Log); err != nil {
		return false, err
	}
	address := net.JoinHostPort(loopback, strconv.Itoa(port))
	err = b.child.await(ctx, func() bool {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
	if err != nil && strings.Contains(b.child.output.String(), "Address already in use") {
		return true, fmt.Errorf("port %d is taken: %w", port, syscall.EADDRINUSE)
	}
	return false, err
}

// write writes the files of the pooler, readable for its account alone.
func (b *PgBouncer) write(who *syscall.Credential) error {
	settings := []string{
		"[databases]",
		fmt.Sprintf("* = host=%s port=%d", b.upstream.Host, b.upstream.Port),
		"[pgbouncer]",
		"listen_addr = " + loopback,
		"listen_port = " + strconv.Itoa(b.port),
		"unix_socket_dir =",
		"pool_mode = transaction",
		"default_pool_size = " + strconv.Itoa(b.cfg.PoolSize),
		"max_client_conn = 500",
		"ignore_startup_parameters =", // so that it refuses parameters that it does not pass on
		"auth_type = scram-sha-256",
		"auth_file = " + filepath.Join(b.dir, "users"),
	}
	files := map[string][]byte{
		"users": fmt.Appendf(nil, "%q %q\n", b.upstream.User, b.upstream.Password),
	}
	if b.cfg.TLSCert != nil {
		settings = append(settings, "client_tls_sslmode = require",
			"client_tls_cert_file = "+filepath.Join(b.dir, "server.crt"), "client_tls_key_file = "+filepath.Join(b.dir, "server.key"))
		files["server.crt"], files["server.key"] = b.cfg.TLSCert, b.cfg.TLSKey
	}
	files["pgbouncer.ini"] = []byte(strings.Join(settings, "\n") + "\n")
	for name, content := range files {
		file := filepath.Join(b.dir, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
		if err := giveTo(who, file); err != nil {
			return err
		}
	}
	return giveTo(who, b.dir)
}

// giveTo makes the account that a server runs as the owner of a file; nil is the caller.
func giveTo(who *syscall.Credential, path string) error {
	if who == nil {
		return nil
	}
	if err := os.Chown(path, int(who.Uid), int(who.Gid)); err != nil {
		return fmt.Errorf("give %s to user %s: %w", path, nameOf(who.Uid), err)
	}
	return nil
}
