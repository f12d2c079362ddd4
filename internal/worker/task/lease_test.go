package task_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/worker/task"
)

func TestRunner_renewsTheLeaseUntilTheWorkEnds(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.policy.Lease = 30 * time.Millisecond
	var renewals atomic.Int32
	f.kind.renew = func() (bool, error) { renewals.Add(1); return true, nil }
	f.kind.work = func(ctx context.Context) error {
		for renewals.Load() < 5 {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			time.Sleep(time.Millisecond)
		}
		return nil
	}
	require.Equal(t, task.Succeeded, f.run(t))
	after := renewals.Load()
	time.Sleep(100 * time.Millisecond)
	require.Equal(t, after, renewals.Load(), "no renewal once the work has ended")
}

func TestRunner_endsTheWorkWhereTheLeaseIsLost(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.policy.Lease = 30 * time.Millisecond
	f.kind.renew, f.kind.work = func() (bool, error) { return false, nil }, untilItEnds
	require.Equal(t, task.Lost, f.run(t))
	require.Equal(t, 1, f.kind.abandoned)
	require.Empty(t, f.kind.retries)
	require.Empty(t, f.kind.failures)
}

// One renewal that fails proves nothing; a lease's length of them does.
func TestRunner_outlivesAFailedRenewalAndEndsAfterMany(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.policy.Lease = 300 * time.Millisecond
	var away atomic.Bool
	var renewals atomic.Int32
	f.kind.renew = func() (bool, error) {
		if n := renewals.Add(1); n == 1 || away.Load() {
			return false, errors.New("postgres is away")
		}
		return true, nil
	}
	f.kind.work = func(ctx context.Context) error {
		for renewals.Load() < 3 {
			if ctx.Err() != nil {
				return errWork
			}
			time.Sleep(time.Millisecond)
		}
		away.Store(true)
		return untilItEnds(ctx)
	}
	require.Equal(t, task.Lost, f.run(t))
	require.GreaterOrEqual(t, renewals.Load(), int32(3), "it went on after the first failure")
	require.Contains(t, f.log.String(), "lease not renewed")
}

func TestRunner_handsControlMessagesToTheAttempt(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.kind.decision = task.Decision{Code: "stopped"}
	f.kind.work = func(ctx context.Context) error {
		for ctx.Err() == nil { // the first messages may come before the hub listens
			require.NoError(t, f.hub.Publish(t.Context(), control, []byte(`"go on"`)))
			require.NoError(t, f.hub.Publish(t.Context(), control, []byte(`"stop"`)))
			time.Sleep(20 * time.Millisecond)
		}
		if !errors.Is(context.Cause(ctx), errStop) {
			return nil
		}
		return context.Cause(ctx)
	}
	require.Equal(t, task.Failed, f.run(t))
	require.Equal(t, "stopped", f.kind.failures[0].Code)
}
