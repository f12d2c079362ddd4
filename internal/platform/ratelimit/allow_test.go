package ratelimit_test

import (
	"context"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func limit(subject ratelimit.Subject, requests int, period time.Duration) ratelimit.Limit {
	return ratelimit.Limit{Class: "signin", Subject: subject, Requests: requests, Period: period}
}

func allow(t testing.TB, c *ratelimit.Counters, limits ...ratelimit.Limit) ratelimit.Result {
	t.Helper()
	result, err := c.Allow(t.Context(), limits...)
	require.NoError(t, err)
	return result
}

func TestCounters_allowABurstThatComesBackEvenly(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	perMinute := limit(ratelimit.Address("203.0.113.9"), 6, time.Minute)
	for i := range 6 {
		require.Equal(t, ratelimit.Result{
			Allowed: true, Limit: 6, Remaining: 5 - i, Reset: time.Duration(i+1) * 10 * time.Second,
		}, allow(t, c, perMinute))
	}
	refused := ratelimit.Result{Limit: 6, Reset: time.Minute, RetryAfter: 10 * time.Second}
	require.Equal(t, refused, allow(t, c, perMinute))
	require.Equal(t, refused, allow(t, c, perMinute), "a refusal costs nothing")

	f.wait(9 * time.Second)
	require.Equal(t, time.Second, allow(t, c, perMinute).RetryAfter)
	f.wait(time.Second)
	require.True(t, allow(t, c, perMinute).Allowed)
	require.False(t, allow(t, c, perMinute).Allowed)
	f.wait(time.Hour)
	require.Equal(t, 5, allow(t, c, perMinute).Remaining)
}

func TestCounters_countClassesAndSubjectsSeparately(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	once := func(class string, subject ratelimit.Subject) bool {
		return allow(t, c, ratelimit.Limit{Class: class, Subject: subject, Requests: 1, Period: time.Minute}).Allowed
	}
	require.True(t, once("signin", ratelimit.Address("203.0.113.9")))
	require.False(t, once("signin", ratelimit.Address("203.0.113.9")))
	require.True(t, once("signup", ratelimit.Address("203.0.113.9")))
	require.True(t, once("signin", ratelimit.Address("203.0.113.10")))
	require.True(t, once("signin", ratelimit.Account("203.0.113.9")))
}

func TestCounters_knowTheSpellingsOfASubject(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	for _, same := range [][]ratelimit.Subject{
		{ratelimit.Account("ada@example.com"), ratelimit.Account(" Ada@Example.COM ")},
		{ratelimit.Address("203.0.113.9"), ratelimit.Address("::ffff:203.0.113.9")},
		{ratelimit.Address("2001:db8:1:2::1"), ratelimit.Address("2001:db8:1:2:ffff:ffff:ffff:ffff"), ratelimit.Address("2001:0DB8:1:2::%eth0")},
		{ratelimit.Address("unknown"), ratelimit.Address("unknown")},
	} {
		for i, subject := range same {
			require.Equal(t, i == 0, allow(t, c, limit(subject, 1, time.Minute)).Allowed, "%v", subject)
		}
	}
	require.True(t, allow(t, c, limit(ratelimit.Address("2001:db8:1:3::1"), 1, time.Minute)).Allowed, "the next /64")
}

func TestCounters_answerForTheStrictestAndChargeNoRefusal(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	address := limit(ratelimit.Address("203.0.113.9"), 10, time.Minute)
	account := limit(ratelimit.Account("ada@example.com"), 2, time.Hour)
	require.Equal(t, ratelimit.Result{Allowed: true, Limit: 2, Remaining: 1, Reset: 30 * time.Minute}, allow(t, c, address, account))
	require.Equal(t, 0, allow(t, c, account, address).Remaining)
	for range 20 {
		require.Equal(t, ratelimit.Result{Limit: 2, Reset: time.Hour, RetryAfter: 30 * time.Minute}, allow(t, c, address, account))
	}
	require.Equal(t, 7, allow(t, c, address).Remaining, "two were charged, and this one")

	// Of two limits that refuse, the one that refuses for longer answers.
	for range 7 {
		require.True(t, allow(t, c, address).Allowed)
	}
	require.Equal(t, 30*time.Minute, allow(t, c, address, account).RetryAfter)
	require.Equal(t, 30*time.Minute, allow(t, c, account, address).RetryAfter)
}

func TestCounters_surviveAClockSetBackAndASmallerLimit(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	perHour := limit(ratelimit.Address("203.0.113.9"), 1, time.Hour)
	require.True(t, allow(t, c, perHour).Allowed)
	perHour.Period = time.Minute
	require.LessOrEqual(t, allow(t, c, perHour).RetryAfter, time.Minute, "a smaller limit counts at once")
	f.at = f.at.Add(-24 * time.Hour)
	f.server.SetTime(f.at)
	require.LessOrEqual(t, allow(t, c, perHour).RetryAfter, time.Minute, "after a clock set back by a day the wait is no longer than the period")
}

func TestCounters_allowWithoutLimits(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	require.Equal(t, ratelimit.Result{Allowed: true}, allow(t, c))
}

func TestCounters_refuseLimitsOutOfRange(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	for _, bad := range []ratelimit.Limit{
		limit(ratelimit.Address("203.0.113.9"), 0, time.Minute), limit(ratelimit.Address("203.0.113.9"), -1, time.Minute),
		limit(ratelimit.Address("203.0.113.9"), 1, 0), limit(ratelimit.Address("203.0.113.9"), 100, time.Microsecond),
	} {
		_, err := c.Allow(t.Context(), bad)
		require.Error(t, err)
	}
}

func TestCounters_areExactBetweenProcesses(t *testing.T) {
	t.Parallel()
	url, namespace := redistest.URL(t), redistest.Namespace(t)
	processes := []*ratelimit.Counters{open(t, url, namespace), open(t, url, namespace)}
	// The periods are so long that no request comes back during the test.
	limits := []ratelimit.Limit{
		limit(ratelimit.Address("203.0.113.9"), 100, 1000*time.Hour), limit(ratelimit.Account("ada@example.com"), 40, 1000*time.Hour),
	}
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			result, err := processes[i%2].Allow(context.WithoutCancel(t.Context()), limits...)
			if err != nil {
				t.Error(err)
			}
			if result.Allowed {
				allowed.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 40, allowed.Load())
	require.Equal(t, 59, allow(t, processes[0], limits[0]).Remaining)
}

func TestCounters_storeNothingReadableAndNothingForEver(t *testing.T) {
	t.Parallel()
	url, namespace := redistest.URL(t), redistest.Namespace(t)
	c := open(t, url, namespace)
	allow(t, c, limit(ratelimit.Account("ada@example.com"), 5, time.Minute), limit(ratelimit.Address("203.0.113.9"), 5, time.Minute))
	attempt, err := lockout(t, c, nil).Begin(t.Context(), ratelimit.Account("ada@example.com"), ratelimit.Address("203.0.113.9"))
	require.NoError(t, err)
	_, err = attempt.Fail(t.Context())
	require.NoError(t, err)

	conn := dial(t, url)
	keys := found(t, conn, namespace)
	require.Len(t, keys, 4)
	for _, key := range keys {
		require.True(t, strings.HasPrefix(key, namespace+":"), key)
		require.NotContains(t, key, "ada")
		require.NotContains(t, key, "203.0")
		ttl, err := redis.Int(conn.Do("PTTL", key))
		require.NoError(t, err)
		require.Positive(t, ttl, key)
		require.LessOrEqual(t, ttl, int((15*time.Minute).Milliseconds())+1, key)
	}
}

func found(t testing.TB, conn redis.Conn, namespace string) []string {
	t.Helper()
	keys, err := redis.Strings(conn.Do("KEYS", namespace+"*"))
	require.NoError(t, err)
	return keys
}

func BenchmarkAllow_addressAndAccount(b *testing.B) {
	c := shared(b)
	limits := []ratelimit.Limit{
		limit(ratelimit.Address("203.0.113.9"), 1000, time.Second), limit(ratelimit.Account("ada@example.com"), 1000, time.Second),
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Allow(b.Context(), limits...); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAllow_sixteenAtOnce asks as the requests of a busy process do.
func BenchmarkAllow_sixteenAtOnce(b *testing.B) {
	c := shared(b)
	mine := limit(ratelimit.Account("ada@example.com"), 1_000_000, time.Second)
	b.SetParallelism((16 + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.Allow(context.Background(), mine); err != nil {
				b.Error(err)
			}
		}
	})
}
