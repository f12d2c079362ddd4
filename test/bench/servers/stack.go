// Package servers starts and stops what is measured: the sides (our API and worker, the floor, the peer), and the Postgres and
// Redis that they share. Each side has a database of its own in both.
package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/gomodule/redigo/redis"
	"github.com/jackc/pgx/v5"

	"github.com/mugshot-studio/backend/test/devstack"
)

// maxConnections is enough for the pools of all sides at once.
const maxConnections = 200

// Stack is a Postgres and a Redis for measurements only. Postgres flushes every commit to the disk, as in production.
type Stack struct {
	dir      string // for all files of a run
	pictures string // for the pictures of ours: in memory if the machine has such a file system
	postgres *devstack.Postgres
	redis    *devstack.Redis
	log      *os.File
}

// sharedMemory is a file system in memory, on Linux.
const sharedMemory = "/dev/shm"

// StartStack starts both. The caller must call [Stack.Stop].
func StartStack(ctx context.Context, dir string) (s *Stack, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	s = &Stack{dir: dir}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop())
		}
	}()
	if s.log, err = os.Create(filepath.Join(dir, "stack.log")); err != nil {
		return s, err
	}
	if s.pictures, err = os.MkdirTemp(sharedMemory, "mugshot-bench-"); errors.Is(err, fs.ErrNotExist) {
		s.pictures, err = os.MkdirTemp(dir, "pictures-")
	}
	if err != nil {
		return s, err
	}
	s.postgres, err = devstack.StartPostgres(ctx, devstack.PostgresConfig{
		DataDir: filepath.Join(dir, "postgres"), Durable: true, MaxConnections: maxConnections, Log: s.log,
	})
	if err != nil {
		return s, err
	}
	if err := s.administer(ctx, "alter system set shared_buffers = '256MB'"); err != nil {
		return s, err
	}
	if err := s.postgres.Restart(ctx); err != nil {
		return s, err
	}
	if s.redis, err = devstack.StartRedis(ctx, devstack.RedisConfig{Log: s.log}); err != nil {
		return s, err
	}
	if !s.redis.Real() {
		return s, errors.New("redis-server is not on the PATH, and the embedded one would be measured in its place: install it " +
			"(apt-get install redis-server, or brew install redis)")
	}
	return s, nil
}

// Stop stops both.
func (s *Stack) Stop() error {
	var errs []error
	if s.redis != nil {
		errs = append(errs, s.redis.Stop())
	}
	if s.postgres != nil {
		errs = append(errs, s.postgres.Stop())
	}
	if s.log != nil {
		errs = append(errs, s.log.Close())
	}
	if s.pictures != "" {
		errs = append(errs, os.RemoveAll(s.pictures))
	}
	return errors.Join(errs...)
}

// administer runs statements one by one on the server's own database.
func (s *Stack) administer(ctx context.Context, statements ...string) error {
	return execute(ctx, s.postgres.DSN("postgres"), statements...)
}

func execute(ctx context.Context, dsn string, statements ...string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	return nil
}

// pids returns the main processes of both servers; their children are counted with them.
func (s *Stack) pids() (postgres, redisPID int, err error) {
	pidFile, err := os.ReadFile(filepath.Join(s.dir, "postgres", "cluster", "postmaster.pid"))
	if err != nil {
		return 0, 0, err
	}
	first, _, _ := bytes.Cut(pidFile, []byte("\n"))
	if postgres, err = strconv.Atoi(string(first)); err != nil {
		return 0, 0, err
	}
	info, err := s.command("INFO", "server")
	if err != nil {
		return 0, 0, err
	}
	_, rest, _ := bytes.Cut(info, []byte("process_id:"))
	line, _, _ := bytes.Cut(rest, []byte("\r\n"))
	redisPID, err = strconv.Atoi(string(line))
	return postgres, redisPID, err
}

// command sends one command to Redis, in database 0.
func (s *Stack) command(name string, args ...any) ([]byte, error) {
	conn, err := redis.DialURL(s.redis.URL())
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return redis.Bytes(conn.Do(name, args...))
}

// Versions are those of the two servers.
func (s *Stack) Versions(ctx context.Context) (postgres, redisVersion string, err error) {
	conn, err := pgx.Connect(ctx, s.postgres.DSN("postgres"))
	if err != nil {
		return "", "", err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if err := conn.QueryRow(ctx, "select current_setting('server_version')").Scan(&postgres); err != nil {
		return "", "", err
	}
	info, err := s.command("INFO", "server")
	_, rest, _ := bytes.Cut(info, []byte("redis_version:"))
	line, _, _ := bytes.Cut(rest, []byte("\r\n"))
	return postgres, string(line), err
}
