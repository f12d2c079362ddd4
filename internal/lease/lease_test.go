package lease_test

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/lease"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// long bounds waits for what must happen, on a machine however loaded.
const long = 20 * time.Second

var errStop = errors.New("stop")

func hub(t *testing.T) *events.Hub {
	t.Helper()
	opened, err := events.Open(events.Config{RedisURL: redistest.URL(t), Namespace: redistest.Namespace(t)}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); opened.Run(running) }()
	t.Cleanup(func() { stop(); <-done; require.NoError(t, opened.Close()) })
	return opened
}

// ends waits for the end of what is held and tells why it ended.
func ends(held context.Context, t *testing.T) error {
	t.Helper()
	select {
	case <-held.Done():
		return context.Cause(held)
	case <-time.After(long):
		require.Fail(t, "it is still held")
		return nil
	}
}

func claim(on *events.Hub, length time.Duration, renew func() (bool, error)) lease.Claim {
	return lease.Claim{
		Length: length, Events: on.Subscribe("row"), Heed: func(payload []byte) error {
			if string(payload) == `"stop"` {
				return errStop
			}
			return nil
		},
		Renew: func(context.Context) (bool, error) { return renew() },
	}
}

func TestHold_renewsUntilItIsReleased(t *testing.T) {
	t.Parallel()
	renewals := make(chan struct{}, 100)
	held, release := lease.Hold(t.Context(), claim(hub(t), 30*time.Millisecond, func() (bool, error) {
		renewals <- struct{}{}
		return true, nil
	}))
	for range 5 {
		select {
		case <-renewals:
		case <-time.After(long):
			require.Fail(t, "no renewal")
		}
	}
	require.NoError(t, held.Err())
	release()
	require.ErrorIs(t, context.Cause(held), context.Canceled)
}

func TestHold_endsWhereTheRowIsGone(t *testing.T) {
	t.Parallel()
	held, release := lease.Hold(t.Context(), claim(hub(t), 30*time.Millisecond, func() (bool, error) { return false, nil }))
	defer release()
	require.ErrorIs(t, ends(held, t), lease.ErrLost)
}

// One renewal that fails proves nothing; a lease's length of them does.
func TestHold_outlivesAFailureAndEndsAfterMany(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	var renewals atomic.Int32
	held, release := lease.Hold(t.Context(), claim(hub(t), 300*time.Millisecond, func() (bool, error) {
		if n := renewals.Add(1); n == 1 || away.Load() {
			return false, errors.New("postgres is away")
		}
		return true, nil
	}))
	defer release()
	require.Eventually(t, func() bool { return renewals.Load() >= 3 }, long, time.Millisecond)
	require.NoError(t, held.Err())
	away.Store(true)
	require.ErrorIs(t, ends(held, t), lease.ErrLost)
}

func TestHold_heedsEvents(t *testing.T) {
	t.Parallel()
	on := hub(t)
	held, release := lease.Hold(t.Context(), claim(on, time.Hour, func() (bool, error) { return true, nil }))
	defer release()
	require.Eventually(t, func() bool { // the first ones may come before the hub listens
		require.NoError(t, on.Publish(t.Context(), "row", []byte(`"go on"`)))
		require.NoError(t, on.Publish(t.Context(), "row", []byte(`"stop"`)))
		return held.Err() != nil
	}, long, 20*time.Millisecond)
	require.ErrorIs(t, context.Cause(held), errStop)
}

// Who drains tells by the cause why the work ends.
func TestHold_passesTheCauseOn(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	held, release := lease.Hold(ctx, claim(hub(t), time.Hour, func() (bool, error) { return true, nil }))
	defer release()
	cancel(errStop)
	require.ErrorIs(t, ends(held, t), errStop)
}
