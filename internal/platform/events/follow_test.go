package events_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// scripted is a handler made of functions.
type scripted struct {
	snapshot    func(context.Context) error
	handle      func(context.Context, *events.Event) error
	idleTimeout time.Duration
}

func (s scripted) Snapshot(ctx context.Context) error {
	if s.snapshot == nil {
		return nil
	}
	return s.snapshot(ctx)
}
func (s scripted) Handle(ctx context.Context, e *events.Event) error { return s.handle(ctx, e) }
func (s scripted) IdleTimeout() time.Duration                        { return s.idleTimeout }

// follow has a handler follow a topic. The channel gets the error that the following ends with.
func follow(t *testing.T, h *events.Hub, topic string, handler events.Handler) (*events.Following, <-chan error) {
	t.Helper()
	ended := make(chan error, 2) // has room for a second end, which would be a fault
	f := events.Follow(context.Background(), h.Subscribe(topic), handler, func(err error) { ended <- err })
	return f, ended
}

// end waits for the end of a following and returns its error.
func end(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(testTimeout):
		require.FailNow(t, "the following did not end")
		return nil
	}
}

// Events are handled in order, one at a time, whether they come before, during or after a turn.
func TestFollowing_handlesAllInOrder(t *testing.T) {
	t.Parallel()
	api := open(t, shared(t))
	const count = 2000
	handled, busy := 0, atomic.Bool{}
	got := make(chan struct{}, count)
	_, ended := follow(t, api, "job:1", scripted{handle: func(_ context.Context, e *events.Event) error {
		if busy.Swap(true) {
			return errors.New("two at a time")
		}
		defer busy.Store(false)
		if string(e.Payload) != strconv.Itoa(handled) {
			return errors.New("got " + string(e.Payload) + " for " + strconv.Itoa(handled))
		}
		handled++
		got <- struct{}{}
		if handled == count {
			return events.ErrDone
		}
		return nil
	}})
	for i := range count {
		publish(t, api, "job:1", strconv.Itoa(i))
		if i >= 6 { // fewer than would lag
			select {
			case <-got:
			case err := <-ended:
				require.NoError(t, err)
				require.Equal(t, count-1, i, "ended early")
				return
			}
		}
	}
	require.NoError(t, end(t, ended))
}

func TestFollowing_endsWithTheFirstCause(t *testing.T) {
	t.Parallel()
	api := open(t, shared(t))
	odd, enough := errors.New("odd"), errors.New("enough")
	handle := func(context.Context, *events.Event) error { return odd }

	_, ended := follow(t, api, "job:1", scripted{snapshot: func(context.Context) error { return odd }})
	require.ErrorIs(t, end(t, ended), odd)

	_, ended = follow(t, api, "job:1", scripted{handle: handle})
	publish(t, api, "job:1", "x")
	require.ErrorIs(t, end(t, ended), odd)

	f, ended := follow(t, api, "job:1", scripted{handle: handle})
	f.End(enough) // while it is parked, or before it has begun
	f.End(odd)
	require.ErrorIs(t, end(t, ended), enough)
	f.End(odd)

	begun := make(chan struct{})
	f, ended = follow(t, api, "job:1", scripted{snapshot: func(ctx context.Context) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}})
	<-begun
	f.End(enough)
	require.ErrorIs(t, end(t, ended), enough, "the call under way is cancelled")

	_, ended = follow(t, api, "job:1", scripted{handle: func(context.Context, *events.Event) error { panic("odd") }})
	publish(t, api, "job:1", "x")
	var panicked *events.PanicError
	require.ErrorAs(t, end(t, ended), &panicked)
	require.Equal(t, "odd", panicked.Value)
	require.NotEmpty(t, panicked.Stack)
	require.Empty(t, ended)
}

// When a process shuts down, its streams end without an error, and clients reconnect to another process.
func TestFollowing_endsWithTheHub(t *testing.T) {
	t.Parallel()
	h := publishOnly(t, shared(t))
	stop := run(t, h)
	_, ended := follow(t, h, "job:1", scripted{})
	stop()
	require.NoError(t, end(t, ended))
	_, ended = follow(t, h, "job:1", scripted{})
	require.NoError(t, end(t, ended))
}

// A handler whose idle timeout has passed gets a lag mark, again and again.
func TestFollowing_marksSilence(t *testing.T) {
	t.Parallel()
	marks := 0
	_, ended := follow(t, publishOnly(t, shared(t)), "job:1", scripted{
		idleTimeout: time.Millisecond,
		handle: func(_ context.Context, e *events.Event) error {
			if !e.Lagged {
				return errors.New("an event that was never published")
			}
			if marks++; marks == 3 {
				return events.ErrDone
			}
			return nil
		},
	})
	require.NoError(t, end(t, ended))
}

func TestWait_endsWithItsContext(t *testing.T) {
	t.Parallel()
	h := publishOnly(t, shared(t))
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(enough) })
	require.ErrorIs(t, events.Wait(ctx, func(ended func(error)) *events.Following {
		return events.Follow(context.Background(), h.Subscribe("job:1"), scripted{}, ended)
	}), enough)
}
