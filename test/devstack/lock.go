package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrInUse is returned when another server, started by this package, still uses the data directory.
var ErrInUse = errors.New("in use by another server")

const lockInterval = 20 * time.Millisecond

// lockDir takes the lock of a data directory, waiting for it until timeout. The lock (flock(2)) belongs to the open file, not to
// a process: the server inherits the file, the parent closes its own copy, and from then on the lock is held exactly as long as
// any process of the server lives.
func lockDir(ctx context.Context, dir string, timeout time.Duration) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	deadline := time.Now().Add(timeout)
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, syscall.EINTR):
			continue
		case !errors.Is(err, syscall.EWOULDBLOCK):
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		case !time.Now().Before(deadline):
			_ = f.Close()
			return nil, fmt.Errorf("%s: %w", dir, ErrInUse)
		}
		select {
		case <-ctx.Done():
			_ = f.Close()
			return nil, fmt.Errorf("wait for %s: %w", path, ctx.Err())
		case <-time.After(lockInterval):
		}
	}
}
