//go:build redis_server

package ratelimit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestCounters_surviveARestartOfRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Real(t)
	// With everysec a busy disk may hold back what was answered already.
	_, err := dial(t, server.URL()).Do("CONFIG", "SET", "appendfsync", "always")
	require.NoError(t, err)
	c := open(t, server.URL(), "test")
	l := lockout(t, c, patient)
	// Several connections are idle, and all of them break.
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { _, _ = c.Allow(context.WithoutCancel(t.Context()), limit(home(), 1, time.Minute)) })
	}
	wg.Wait()
	for range 4 {
		fail(t, l, ada())
	}
	attempt := begin(t, l, ada())

	server.Kill()
	requireUnavailable(t, c, attempt)
	require.NoError(t, server.Restart(t.Context()))

	locks, err := attempt.Fail(t.Context())
	require.NoError(t, err, "the first call after the restart gets a working connection")
	require.Len(t, locks, 1, "the server kept its counters, and an attempt may be settled again")
	require.NoError(t, attempt.Release(t.Context()))
}

// An emptied Redis has lost counters and scripts; everything works on.
func TestCounters_surviveAFlushOfRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Real(t)
	c := open(t, server.URL(), "test")
	l := lockout(t, c, nil)
	for range 4 {
		fail(t, l, ada())
	}
	attempt := begin(t, l, ada())
	conn := dial(t, server.URL())
	for _, command := range [][]any{{"FLUSHALL"}, {"SCRIPT", "FLUSH"}} {
		_, err := conn.Do(command[0].(string), command[1:]...)
		require.NoError(t, err)
	}
	locks, err := attempt.Fail(t.Context())
	require.NoError(t, err)
	require.Empty(t, locks)
	require.True(t, allow(t, c, limit(home(), 1, time.Minute)).Allowed)
	succeed(t, l, ada())
}
