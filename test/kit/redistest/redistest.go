// Package redistest gives tests a Redis server. Most tests share one, each with a [Namespace] of its own. A test that restarts,
// kills or empties the server uses [Real] in a file named *_redis_server_test.go with the build tag redis_server, which the
// Makefile sets if there is a redis-server.
//
// The shared server is that of TEST_REDIS_URL; testenv provides one for a whole run. Without the variable, each test binary
// starts its own server: a redis-server if there is one, else the embedded one.
package redistest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/test/devstack"
)

const (
	setupTimeout = 30 * time.Second // of a server's start on a busy machine
	scanCount    = 1000             // keys looked at by one SCAN
)

// URL returns the address of the server that all tests share. A test puts its keys under a [Namespace].
func URL(t testing.TB) string {
	t.Helper()
	url, err := shared()
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	return url
}

// Namespace returns a unique prefix for keys and channels, of letters, digits and hyphens. All keys of the shared server that
// contain it are deleted when the test ends.
func Namespace(t testing.TB) string {
	t.Helper()
	url := URL(t)
	namespace := "test-" + strings.ToLower(rand.Text()[:16])
	t.Cleanup(func() {
		if err := deleteKeys(url, "*"+namespace+"*"); err != nil {
			t.Errorf("redistest: delete the keys of %s: %v", namespace, err)
		}
	})
	return namespace
}

// Real starts a durable redis-server for this test alone, which the test may kill, restart and empty. Without a redis-server on
// the PATH the test fails, since the embedded server can't show the same; hence the build tag.
func Real(t testing.TB) *devstack.Redis {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), setupTimeout)
	defer cancel()
	server, err := devstack.StartRedis(ctx, devstack.RedisConfig{Dir: t.TempDir(), Durable: true})
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(); err != nil {
			t.Errorf("redistest: %v", err)
		}
	})
	if !server.Real() {
		t.Fatal("redistest: this test needs a redis-server on the PATH: install one " +
			"(Debian: apt-get install redis-server, macOS: brew install redis)")
	}
	return server
}

func deleteKeys(url, pattern string) error {
	conn, err := redis.DialURL(url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	cursor := "0"
	for {
		reply, err := redis.Values(conn.Do("SCAN", cursor, "MATCH", pattern, "COUNT", scanCount))
		if err != nil {
			return err
		}
		var keys []any
		if _, err := redis.Scan(reply, &cursor, &keys); err != nil {
			return err
		}
		if len(keys) > 0 {
			if _, err := conn.Do("UNLINK", keys...); err != nil {
				return err
			}
		}
		if cursor == "0" {
			return nil
		}
	}
}

// shared returns the address of the server that all tests of a binary share, hence a variable of the package. One that is
// started here ends with the binary; see package devstack.
var shared = sync.OnceValues(func() (string, error) {
	if url := os.Getenv("TEST_REDIS_URL"); url != "" {
		return url, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	server, err := devstack.StartRedis(ctx, devstack.RedisConfig{})
	if err != nil {
		return "", err
	}
	return server.URL(), nil
})
