package app

import (
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

// A class without a budget would answer 503 for ever; a budget without a class limits nothing, whatever one may think.
func TestBudgets_areTheClassesOfTheSpec(t *testing.T) {
	t.Parallel()
	doc, err := api.GetSpec()
	require.NoError(t, err)
	classes := map[string]bool{}
	for _, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			class := operation.Extensions["x-rate-limit"].(string)
			classes[class] = true
			b, security := budgets()[class], doc.Security
			if operation.Security != nil {
				security = *operation.Security
			}
			if len(security) > 0 {
				require.Positive(t, b.account, "%s: signed-in accounts are not counted", operation.OperationID)
			} else {
				require.Positive(t, b.address, "%s: strangers are not counted", operation.OperationID)
			}
		}
	}
	require.Equal(t, slices.Sorted(maps.Keys(classes)), slices.Sorted(maps.Keys(budgets())))
	for class, b := range budgets() {
		require.Positive(t, b.period, class)
		require.Positive(t, max(b.address, b.account), "%s: no request is counted", class)
	}
}

// An operator who turns the limits off with a large factor must not turn the service off.
func TestLimiter_anyFactor(t *testing.T) {
	t.Parallel()
	counters, err := ratelimit.Open(ratelimit.Config{URL: redistest.URL(t), Namespace: redistest.Namespace(t), Key: []byte("k")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, counters.Close()) })
	for _, factor := range []float64{1e-9, 1, 1e6, 1e300} {
		for class := range budgets() {
			l := limiter{counters: counters, local: ratelimit.NewLocal(time.Now), factor: factor, budgets: budgets()}
			quota, err := l.Allow(t.Context(), class, edge.Subject{Address: "192.0.2.1", Account: "a"})
			require.NoError(t, err, "%s x %g", class, factor)
			require.Positive(t, quota.Limit)
		}
	}
}

// While Redis is away, what is counted in it is refused, and reading goes on.
func TestLimiter_localBudgetsNeedNoRedis(t *testing.T) {
	t.Parallel()
	counters, err := ratelimit.Open(ratelimit.Config{URL: "redis://127.0.0.1:1", Namespace: "n", Key: []byte("k")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, counters.Close()) })
	l := limiter{counters: counters, local: ratelimit.NewLocal(time.Now), factor: 1, budgets: budgets()}
	for class, b := range budgets() {
		_, err := l.Allow(t.Context(), class, edge.Subject{Address: "192.0.2.1", Account: "a"})
		require.Equal(t, b.local, err == nil, "%s: %v", class, err)
	}
}

// The figures of ADR 0068. An account has one budget whatever its address, and an address one whatever its accounts.
func TestLimiter_localBudgetsEnd(t *testing.T) {
	t.Parallel()
	l := limiter{local: ratelimit.NewLocal(func() time.Time { return time.Unix(1, 0) }), factor: 1, budgets: budgets()}
	ofAccount := [2]edge.Subject{{Address: "192.0.2.1", Account: "b"}, {Address: "192.0.2.2", Account: "b"}}
	for class, c := range map[string]struct {
		requests int
		subjects [2]edge.Subject
	}{
		"default": {600, ofAccount},
		"stream":  {240, ofAccount},
		"public":  {600, [2]edge.Subject{{Address: "192.0.2.1"}, {Address: "192.0.2.1", Account: "b"}}},
	} {
		for i := range c.requests {
			quota, err := l.Allow(t.Context(), class, c.subjects[i%2])
			require.NoError(t, err)
			require.True(t, quota.Allowed, "%s: request %d", class, i+1)
		}
		for _, subject := range c.subjects {
			quota, err := l.Allow(t.Context(), class, subject)
			require.NoError(t, err)
			require.False(t, quota.Allowed, class)
			require.Positive(t, quota.RetryAfter, class)
		}
	}
}

func TestMaxStreams_leavesDescriptorsToRequests(t *testing.T) {
	t.Parallel()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	require.Positive(t, maxStreams())
	require.LessOrEqual(t, uint64(maxStreams()), limit.Cur/4*3)
}

// A stranger who asks for mails to an address all day must not use up what its owner may ask for.
func TestLimiter_aStrangerUsesUpNoBudgetOfTheOwner(t *testing.T) {
	t.Parallel()
	counters, err := ratelimit.Open(ratelimit.Config{URL: redistest.URL(t), Namespace: redistest.Namespace(t), Key: []byte("k")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, counters.Close()) })
	limits := limiter{counters: counters, factor: 1, budgets: budgets()}
	ask := func(class, address, account string) bool {
		quota, err := limits.Allow(t.Context(), class, edge.Subject{Address: address, Account: account})
		require.NoError(t, err)
		return quota.Allowed
	}
	for class, enough := range map[string]int{"auth_mail": 5, "auth_reset": 5, "auth_signup": 5, "auth_code": 20} {
		for range enough {
			require.True(t, ask(class, "192.0.2.1", "ada@example.com"))
		}
		require.False(t, ask(class, "192.0.2.1", " ADA@example.com"), "the stranger has asked enough")
		require.True(t, ask(class, "198.51.100.1", "ada@example.com"), "and the owner asks")
	}
	require.True(t, ask("auth_reset", "192.0.2.1", "grace@example.com"), "resends count apart from resets")
}
