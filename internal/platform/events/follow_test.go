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

// scripted is a reader that does what a test says.
type scripted struct {
	begin    func(context.Context) error
	hear     func(context.Context, *events.Event) error
	patience time.Duration
}

func (s scripted) Snapshot(ctx context.Context) error {
	if s.begin == nil {
		return nil
	}
	return s.begin(ctx)
}
func (s scripted) Handle(ctx context.Context, e *events.Event) error { return s.hear(ctx, e) }
func (s scripted) IdleTimeout() time.Duration                        { return s.patience }

// follow has a reader follow a topic, and returns where the end is told.
func follow(t *testing.T, h *events.Hub, topic string, reader events.Handler) (*events.Following, <-chan error) {
	t.Helper()
	ended := make(chan error, 2) // a second end would be seen
	f := events.Follow(context.Background(), h.Subscribe(topic), reader, func(err error) { ended <- err })
	return f, ended
}

// end waits for the end of a following, and no longer than must be.
func end(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		require.FailNow(t, "it goes on")
		return nil
	}
}

// Whenever the events come, before, in or after a turn, they are heard in their order, one at a time.
func TestFollow_hearsAllInOrder(t *testing.T) {
	t.Parallel()
	api := open(t, shared(t))
	const count = 2000
	heard, busy := 0, atomic.Bool{}
	got := make(chan struct{}, count)
	_, ended := follow(t, api, "job:1", scripted{hear: func(_ context.Context, e *events.Event) error {
		if busy.Swap(true) {
			return errors.New("two at a time")
		}
		defer busy.Store(false)
		if string(e.Payload) != strconv.Itoa(heard) {
			return errors.New("got " + string(e.Payload) + " for " + strconv.Itoa(heard))
		}
		heard++
		got <- struct{}{}
		if heard == count {
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

func TestFollow_end(t *testing.T) {
	t.Parallel()
	api := open(t, shared(t))
	odd, enough := errors.New("odd"), errors.New("enough")
	hear := func(context.Context, *events.Event) error { return odd }

	_, ended := follow(t, api, "job:1", scripted{begin: func(context.Context) error { return odd }})
	require.ErrorIs(t, end(t, ended), odd)

	_, ended = follow(t, api, "job:1", scripted{hear: hear})
	publish(t, api, "job:1", "x")
	require.ErrorIs(t, end(t, ended), odd)

	f, ended := follow(t, api, "job:1", scripted{hear: hear})
	f.End(enough) // at rest, or before it has begun
	f.End(odd)
	require.ErrorIs(t, end(t, ended), enough)
	f.End(odd)

	begun := make(chan struct{})
	f, ended = follow(t, api, "job:1", scripted{begin: func(ctx context.Context) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}})
	<-begun
	f.End(enough)
	require.ErrorIs(t, end(t, ended), enough, "what is under way is interrupted")

	_, ended = follow(t, api, "job:1", scripted{hear: func(context.Context, *events.Event) error { panic("odd") }})
	publish(t, api, "job:1", "x")
	var panicked *events.PanicError
	require.ErrorAs(t, end(t, ended), &panicked)
	require.Equal(t, "odd", panicked.Value)
	require.NotEmpty(t, panicked.Stack)
	require.Empty(t, ended)
}

// When the process shuts down, readers are to come back elsewhere.
func TestFollow_hubEnds(t *testing.T) {
	t.Parallel()
	h := publishOnly(t, shared(t))
	stop := run(t, h)
	_, ended := follow(t, h, "job:1", scripted{})
	stop()
	require.NoError(t, end(t, ended))
	_, ended = follow(t, h, "job:1", scripted{})
	require.NoError(t, end(t, ended))
}

// A reader that is told nothing for longer than it likes looks for itself, again and again.
func TestFollow_patience(t *testing.T) {
	t.Parallel()
	looks := 0
	_, ended := follow(t, publishOnly(t, shared(t)), "job:1", scripted{
		patience: time.Millisecond,
		hear: func(_ context.Context, e *events.Event) error {
			if !e.Lagged {
				return errors.New("an event from nowhere")
			}
			if looks++; looks == 3 {
				return events.ErrDone
			}
			return nil
		},
	})
	require.NoError(t, end(t, ended))
}

func TestWait(t *testing.T) {
	t.Parallel()
	h := publishOnly(t, shared(t))
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(enough) })
	require.ErrorIs(t, events.Wait(ctx, func(ended func(error)) *events.Following {
		return events.Follow(context.Background(), h.Subscribe("job:1"), scripted{}, ended)
	}), enough)
}
