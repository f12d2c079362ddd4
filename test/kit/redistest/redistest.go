// Package redistest gives tests a Redis server. Most share one and keep to a namespace of their own; a test that
// restarts, kills or empties the server asks for a real one to itself, and stands in a file named *_redis_server_test.go
// with the build tag redis_server, which the Makefile sets where there is a redis-server.
//
// The shared server is that of TEST_REDIS_URL; testenv provides one for a whole run. Without it, each test binary
// starts its own: a redis-server where there is one, else the embedded stand-in.
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

// URL returns the address of the server that all tests share. Keys belong under Namespace.
func URL(t testing.TB) string {
	t.Helper()
	url, err := shared()
	if err != nil {
		t.Fatalf("redistest: %v", err)
	}
	return url
}

// Namespace returns a prefix for keys and channels that no other test has, of letters, digits and hyphens. The keys of
// the shared server that have it anywhere in their names are deleted when the test ends.
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

// Real starts a redis-server for this test alone, durable, to be killed, restarted and emptied at will. Where there is
// none on the PATH, the test fails: what it would show, the embedded stand-in can't. Hence the build tag.
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

// shared returns the address of the shared server, one for all tests of a binary, hence a variable of the package. A
// server started here ends with the binary, by devstack's promise.
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
