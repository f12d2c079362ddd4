package ratelimit_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

var secret = []byte("a key of thirty-two random bytes")

func open(t testing.TB, url, namespace string) *ratelimit.Counters {
	t.Helper()
	c, err := ratelimit.Open(ratelimit.Config{
		URL: url, Namespace: namespace, Key: secret, Timeout: 10 * time.Second, // for a heavily loaded machine
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// shared opens counters on the server that all tests share, under a namespace that no other test uses.
func shared(t testing.TB) *ratelimit.Counters {
	t.Helper()
	return open(t, redistest.URL(t), redistest.Namespace(t))
}

// fixture is a server whose clock stands still until a test advances it.
type fixture struct {
	server *miniredis.Miniredis
	at     time.Time
}

// setup returns a fixture and counters on its server.
func setup(t testing.TB) (*fixture, *ratelimit.Counters) {
	t.Helper()
	f := &fixture{server: miniredis.RunT(t), at: time.Date(2026, 11, 22, 21, 14, 2, 123456000, time.UTC)}
	f.server.SetTime(f.at)
	return f, open(t, "redis://"+f.server.Addr(), "test")
}

// wait advances the clock, and expires keys.
func (f *fixture) wait(d time.Duration) {
	f.at = f.at.Add(d)
	f.server.SetTime(f.at)
	f.server.FastForward(d)
}

// lockout returns a lockout with the configuration of production, as far as a test does not change it.
func lockout(t testing.TB, c *ratelimit.Counters, change func(*ratelimit.LockoutConfig)) *ratelimit.Lockout {
	t.Helper()
	cfg := ratelimit.DefaultLockout("signin", 5, 5, 15*time.Minute)
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

func ada() ratelimit.Subject { return ratelimit.Account("ada@example.com") }

func home() ratelimit.Subject { return ratelimit.Address("203.0.113.9") }

func begin(t testing.TB, l *ratelimit.Lockout, subjects ...ratelimit.Subject) *ratelimit.Attempt {
	t.Helper()
	attempt, err := l.Begin(t.Context(), subjects...)
	require.NoError(t, err)
	return attempt
}

func fail(t testing.TB, l *ratelimit.Lockout, subjects ...ratelimit.Subject) []ratelimit.Lock {
	t.Helper()
	locks, err := begin(t, l, subjects...).Fail(t.Context())
	require.NoError(t, err)
	return locks
}

func succeed(t testing.TB, l *ratelimit.Lockout, subjects ...ratelimit.Subject) {
	t.Helper()
	require.NoError(t, begin(t, l, subjects...).Succeed(t.Context()))
}

func requireLocked(t testing.TB, l *ratelimit.Lockout, retryAfter time.Duration, subjects ...ratelimit.Subject) {
	t.Helper()
	requireRefused(t, ratelimit.ErrLocked, apperr.CodeAccountLocked, l, retryAfter, subjects)
}

// requireAddressLocked expects a lock that says nothing of an account.
func requireAddressLocked(t testing.TB, l *ratelimit.Lockout, retryAfter time.Duration, subjects ...ratelimit.Subject) {
	t.Helper()
	requireRefused(t, ratelimit.ErrAddressLocked, apperr.CodeRateLimited, l, retryAfter, subjects)
}

func requireRefused(
	t testing.TB, want error, code apperr.Code, l *ratelimit.Lockout, retryAfter time.Duration, subjects []ratelimit.Subject,
) {
	t.Helper()
	attempt, err := l.Begin(t.Context(), subjects...)
	require.ErrorIs(t, err, want)
	require.Nil(t, attempt)
	require.Equal(t, retryAfter, apperr.From(err).RetryAfter)
	require.Equal(t, code, apperr.From(err).Code)
}

// impatient does not wait for attempts that are under way.
func impatient(cfg *ratelimit.LockoutConfig) { cfg.Wait = 0 }
