package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/joho/godotenv"

	"github.com/mugshot-studio/backend/internal/platform/config"
)

// stackFile says, while the development stack runs, how other commands reach it.
const stackFile = "stack.env"

// RecordRunningStack writes the stack's addresses and secret under DEV_DIR, readable by this user alone; forget removes them.
func RecordRunningStack(cfg config.Config) (forget func() error, err error) {
	path := filepath.Join(cfg.DevDir, stackFile)
	content, err := godotenv.Marshal(map[string]string{
		"DATABASE_URL": cfg.DatabaseURL.Reveal(), "REDIS_URL": cfg.RedisURL.Reveal(), "JWT_SECRET": cfg.JWTSecret.Reveal(),
	})
	if err != nil {
		return nil, fmt.Errorf("encode stack file: %w", err)
	}
	if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
		return nil, fmt.Errorf("write stack file: %w", err)
	}
	return func() error { return os.Remove(path) }, nil
}

// WithRunningStack adds to an environment how to reach the development stack that runs under its DEV_DIR, where it
// does not say so itself. Without a running stack it returns the environment as it is.
func WithRunningStack(ctx context.Context, environ map[string]string) (map[string]string, error) {
	dir := environ["DEV_DIR"]
	if dir == "" {
		dir = ".dev"
	}
	running, err := godotenv.Read(filepath.Join(dir, stackFile))
	if errors.Is(err, fs.ErrNotExist) {
		return environ, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", stackFile, err)
	}
	if abandoned(ctx, running["REDIS_URL"]) {
		return environ, nil
	}
	for name, value := range environ {
		if value != "" {
			running[name] = value
		}
	}
	return maps.Clone(running), nil
}

// abandoned tells whether the stack of a stack file is gone, as one that was killed is, which does not remove the file:
// then its Redis refuses connections.
func abandoned(ctx context.Context, server string) bool {
	u, err := url.Parse(server)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, listenTimeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	if err == nil {
		_ = conn.Close()
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
