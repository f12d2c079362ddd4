package ratelimit

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func perMinute(class, account string, requests int) Limit {
	return Limit{Class: class, Subject: Account(account), Requests: requests, Period: time.Minute}
}

func TestLocal_refillsAtTheRate(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	l := NewLocal(func() time.Time { return now })
	for i := range 3 {
		result, err := l.Allow(perMinute("default", "ada", 3))
		require.NoError(t, err)
		require.Equal(t, Result{Allowed: true, Limit: 3, Remaining: 2 - i, Reset: time.Duration(i+1) * 20 * time.Second}, result)
	}
	result, err := l.Allow(perMinute("default", "ada", 3))
	require.NoError(t, err)
	require.Equal(t, Result{Limit: 3, Reset: time.Minute, RetryAfter: 20 * time.Second}, result)
	for _, other := range []Limit{perMinute("stream", "ada", 3), perMinute("default", "eve", 3)} {
		result, err = l.Allow(other)
		require.NoError(t, err)
		require.True(t, result.Allowed, "another class, another account")
	}
	now = now.Add(20 * time.Second)
	result, err = l.Allow(perMinute("default", "ada", 3))
	require.NoError(t, err)
	require.True(t, result.Allowed)
	result, err = l.Allow(perMinute("default", "ada", 3))
	require.NoError(t, err)
	require.False(t, result.Allowed)
	_, err = l.Allow(perMinute("default", "ada", 0))
	require.Error(t, err)
}

func TestLocal_countsExactlyAtTheSameTime(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := NewLocal(func() time.Time { return now })
	var allowed atomic.Int32
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if result, err := l.Allow(perMinute("default", "ada", 50)); err == nil && result.Allowed {
				allowed.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 50, allowed.Load())
}

// A stranger with many addresses must not make the process remember all of them.
func TestLocal_remembersNoMoreThanItsShare(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := NewLocal(func() time.Time { return now })
	l.max = 100
	for i := range 1000 {
		_, err := l.Allow(perMinute("public", strconv.Itoa(i), 10))
		require.NoError(t, err)
		require.LessOrEqual(t, len(l.whole), 100)
	}
	now = now.Add(time.Minute)
	for i := range 2000 {
		_, err := l.Allow(perMinute("public", "later "+strconv.Itoa(i), 10))
		require.NoError(t, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, whole := range l.whole {
		require.Greater(t, whole, now.UnixNano(), "%v is unused and still here", key.name)
	}
}

func BenchmarkLocal(b *testing.B) {
	l := NewLocal(time.Now)
	limit := Limit{Class: "default", Subject: Account("0199f3a0-5d2c-7a41-b1c7-0e9d8f7a6b5c"), Requests: 60_000_000, Period: time.Minute}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = l.Allow(limit)
	}
}
