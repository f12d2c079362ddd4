package devstack

import (
	"context"
	"crypto/rand"
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

	"github.com/alicebob/miniredis/v2"
	"github.com/gomodule/redigo/redis"
)

const redisPingTimeout = 250 * time.Millisecond // then it is asked again

// RedisConfig says what server StartRedis starts.
type RedisConfig struct {
	Dir      string    // for the data of a durable server, made when missing
	Port     int       // on 127.0.0.1; 0: a free one
	Durable  bool      // keep an append-only file, written out once a second. The embedded server keeps nothing
	Embedded bool      // don't look for a redis-server
	Log      io.Writer // takes the server's own log; may be nil
}

// Redis is a running server, with a password, on the loopback interface alone. Its methods may be called from several
// goroutines.
type Redis struct {
	cfg      RedisConfig
	path     string // of redis-server; "": embedded
	password string

	mu       sync.Mutex
	port     int
	child    *child
	embedded *miniredis.Miniredis
}

// StartRedis starts the redis-server on the PATH or, if there is none, an embedded server, and returns when it accepts commands.
// When ctx ends before, the server is stopped again; later, ctx has no effect. It returns [ErrInUse] when another server uses the
// data directory.
func StartRedis(ctx context.Context, cfg RedisConfig) (*Redis, error) {
	r := &Redis{cfg: cfg, port: cfg.Port, password: rand.Text()}
	if !cfg.Embedded {
		if path, err := exec.LookPath("redis-server"); err == nil {
			r.path = path
		}
	}
	if r.path != "" && cfg.Durable {
		if cfg.Dir == "" {
			return nil, errors.New("start redis: no data directory given")
		}
		dir, err := filepath.Abs(cfg.Dir)
		if err != nil {
			return nil, fmt.Errorf("start redis: %w", err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("start redis: make the data directory: %w", err)
		}
		r.cfg.Dir = dir
	}
	if err := r.start(ctx); err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	return r, nil
}

// Real tells whether this is a redis-server, not the embedded server.
func (r *Redis) Real() bool { return r.path != "" }

// URL is the address of database 0. It contains the password.
func (r *Redis) URL() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.url()
}

func (r *Redis) url() string {
	u := url.URL{
		Scheme: "redis",
		User:   url.UserPassword("default", r.password), // not every client knows a password without a user
		Host:   net.JoinHostPort(loopback, strconv.Itoa(r.port)),
		Path:   "/0",
	}
	return u.String()
}

// Stop stops the server; a durable one writes its data out first. Stopping twice is harmless.
func (r *Redis) Stop() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path == "" {
		r.embedded.Close()
		return nil
	}
	return r.child.stop(syscall.SIGINT)
}

// Kill stops the server as a crash would, with SIGKILL. The embedded server loses what it holds.
func (r *Redis) Kill() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path == "" {
		r.embedded.Close()
		return
	}
	r.child.kill()
}

// Restart stops the server unless it has ended, and starts it again on the same port and with the same password. Only
// a durable redis-server then still has its data.
func (r *Redis) Restart(ctx context.Context) error {
	if err := r.Stop(); err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		return fmt.Errorf("restart redis: %w", err)
	}
	return nil
}

func (r *Redis) start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.path == "" {
		return r.startEmbedded()
	}
	var lock *os.File
	if r.cfg.Durable {
		var err error
		if lock, err = lockDir(ctx, r.cfg.Dir, defaultLockTimeout); err != nil {
			return err
		}
		defer func() { _ = lock.Close() }()
	}
	var err error
	r.port, err = onPort(r.port, func(port int) (bool, error) { return r.launch(ctx, port, lock) })
	return err
}

func (r *Redis) startEmbedded() error {
	server := miniredis.NewMiniRedis()
	server.ClockTTL(true) // keys would never expire by themselves otherwise
	server.RequireAuth(r.password)
	if err := server.StartAddr(net.JoinHostPort(loopback, strconv.Itoa(r.port))); err != nil {
		return fmt.Errorf("start the embedded server: %w", err)
	}
	r.embedded, r.port = server, server.Server().Addr().Port
	return nil
}

// launch starts redis-server on port. taken tells that it failed because the port is taken.
func (r *Redis) launch(ctx context.Context, port int, lock *os.File) (taken bool, err error) {
	r.port = port
	cmd := exec.Command(r.path, "-") // #nosec G204 -- the redis-server on the PATH
	cmd.Env = append(serverEnv(), "HOME=/")
	cmd.Stdin = strings.NewReader(r.settings()) // not as arguments: they contain the password, and every user may list arguments
	if lock != nil {
		cmd.ExtraFiles = []*os.File{lock}
	}
	if r.child, err = startChild(cmd, nil, r.cfg.Log); err != nil {
		return false, err
	}
	err = r.child.await(ctx, r.ready)
	if err != nil && strings.Contains(r.child.output.String(), "Address already in use") {
		return true, fmt.Errorf("port %d is taken: %w", port, syscall.EADDRINUSE)
	}
	return false, err
}

func (r *Redis) settings() string {
	settings := []string{
		"bind " + loopback,
		"port " + strconv.Itoa(r.port),
		"requirepass " + r.password,
		"maxmemory-policy noeviction", // a queue must not lose keys
		`save ""`,
		"daemonize no",
	}
	if r.cfg.Durable {
		settings = append(settings, "appendonly yes", "appendfsync everysec", "dir "+strconv.Quote(r.cfg.Dir))
	}
	return strings.Join(settings, "\n") + "\n"
}

func (r *Redis) ready() bool {
	conn, err := redis.DialURL(r.url(), redis.DialConnectTimeout(redisPingTimeout),
		redis.DialReadTimeout(redisPingTimeout), redis.DialWriteTimeout(redisPingTimeout))
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.Do("PING") // fails while it still reads its data
	return err == nil
}
