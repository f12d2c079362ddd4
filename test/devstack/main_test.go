package devstack_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mugshot-studio/backend/test/devstack"
)

// parentEnv turns the test binary into a parent that starts a server, prints its address and waits to be killed.
const parentEnv = "DEVSTACK_TEST_PARENT"

// startTimeout is long, since a first start reads much from disk.
const startTimeout = time.Minute

func TestMain(m *testing.M) {
	if kind := os.Getenv(parentEnv); kind != "" {
		if err := beParent(kind, os.Getenv("DEVSTACK_TEST_DIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// dataDir returns a directory for a server's data. It is not below t.TempDir, which only its owner may pass through: if root runs
// the tests, the server runs as another user.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "devstack-") //nolint:usetesting // see above
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755))
	return filepath.Join(dir, "data")
}

func beParent(kind, dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	var address string
	switch kind {
	case "postgres":
		pg, err := devstack.StartPostgres(ctx, devstack.PostgresConfig{DataDir: dir})
		if err != nil {
			return err
		}
		address = pg.DSN("postgres")
	case "redis":
		redis, err := devstack.StartRedis(ctx, devstack.RedisConfig{Dir: dir, Durable: true})
		if err != nil {
			return err
		}
		address = redis.URL()
	}
	fmt.Println(address)
	_, err := os.Stdin.Read(make([]byte, 1)) // until killed
	return err
}
