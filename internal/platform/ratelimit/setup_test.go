package ratelimit_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

var secret = []byte("a key of thirty-two random bytes")

func open(t testing.TB, url, namespace string) *ratelimit.Counters {
	t.Helper()
	c, err := ratelimit.Open(ratelimit.Config{
		URL: url, Namespace: namespace, Key: secret, Timeout: 10 * time.Second, // of patience with a loaded machine
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// shared opens counters of their own on the server of all tests.
func shared(t testing.TB) *ratelimit.Counters {
	t.Helper()
	return open(t, redistest.URL(t), redistest.Namespace(t))
}

// world is a server whose time stands still until a test moves it.
type world struct {
	server *miniredis.Miniredis
	at     time.Time
}

func newWorld(t testing.TB) (*world, *ratelimit.Counters) {
	t.Helper()
	w := &world{server: miniredis.RunT(t), at: time.Date(2026, 11, 22, 21, 14, 2, 123456000, time.UTC)}
	w.server.SetTime(w.at)
	return w, open(t, "redis://"+w.server.Addr(), "test")
}

// wait lets time pass, on the clock and for what expires.
func (w *world) wait(d time.Duration) {
	w.at = w.at.Add(d)
	w.server.SetTime(w.at)
	w.server.FastForward(d)
}

// lockout is the configuration of production but for what a test changes.
func lockout(t testing.TB, c *ratelimit.Counters, change func(*ratelimit.LockoutConfig)) *ratelimit.Lockout {
	t.Helper()
	cfg := ratelimit.DefaultLockout("signin", 5, 15*time.Minute)
	if change != nil {
		change(&cfg)
	}
	l, err := ratelimit.NewLockout(c, cfg, rand.Reader)
	require.NoError(t, err)
	return l
}

func dial(t testing.TB, url string) redis.Conn {
	t.Helper()
	conn, err := redis.DialURL(url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
