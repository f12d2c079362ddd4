package ratelimit_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

// requireUnavailable requires that every operation fails closed.
func requireUnavailable(t *testing.T, c *ratelimit.Counters, attempts ...*ratelimit.Attempt) {
	t.Helper()
	l := lockout(t, c, nil)
	_, allowErr := c.Allow(t.Context(), limit(home(), 1, time.Minute))
	_, beginErr := l.Begin(t.Context(), ada(), home())
	failures := []error{allowErr, beginErr, l.Clear(t.Context(), ada())}
	for _, attempt := range attempts {
		_, err := attempt.Fail(t.Context())
		failures = append(failures, err)
	}
	for _, err := range failures {
		require.ErrorIs(t, err, apperr.ErrUnavailable)
		require.Equal(t, 5*time.Second, apperr.From(err).RetryAfter)
		require.NotContains(t, err.Error(), "ada")
	}
}

func TestCounters_failWithoutAServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	c, err := ratelimit.Open(ratelimit.Config{URL: "redis://:very-secret@" + listener.Addr().String(), Namespace: "x", Key: secret})
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	requireUnavailable(t, c)
	_, err = c.Allow(t.Context(), limit(home(), 1, time.Minute))
	require.NotContains(t, err.Error(), "very-secret")
}

// The server accepts connections and never answers.
func TestCounters_failWhereTheServerHangs(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				_, _ = io.Copy(io.Discard, conn)
				_ = conn.Close()
			})
		}
	})
	c, err := ratelimit.Open(ratelimit.Config{URL: "redis://" + listener.Addr().String(), Namespace: "x", Key: secret})
	require.NoError(t, err)
	began := time.Now()
	requireUnavailable(t, c)
	// The product allows a second for each decision, and there are three; a loaded machine gets 5 s more.
	require.Less(t, ratelimit.DefaultTimeout, time.Second)
	require.Less(t, time.Since(began), 3*time.Second+5*time.Second)
	require.NoError(t, c.Close())
	require.NoError(t, listener.Close())
	wg.Wait()
}

func TestOpen_refusesABadConfigurationWithoutQuotingIt(t *testing.T) {
	t.Parallel()
	for _, cfg := range []ratelimit.Config{
		{URL: "redis://localhost", Namespace: "x"},
		{URL: "redis://localhost", Key: secret},
		{URL: "http://:very-secret@localhost", Namespace: "x", Key: secret},
		{URL: "redis://:very-secret%zz@localhost", Namespace: "x", Key: secret},
	} {
		_, err := ratelimit.Open(cfg)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "very-secret")
	}
}
