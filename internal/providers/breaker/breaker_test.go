package breaker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// sharedState is Redis in small; it may be away.
type sharedState struct {
	mu    sync.Mutex
	until map[string]time.Time
	away  error
}

func (n *sharedState) OpenBreaker(_ context.Context, name string, d time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.until[name] = time.Now().Add(d)
	return n.away
}

func (n *sharedState) CloseBreaker(_ context.Context, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.until, name)
	return n.away
}

func (n *sharedState) BreakersOpenFor(_ context.Context, names ...string) ([]time.Duration, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away != nil {
		return nil, n.away
	}
	left := make([]time.Duration, len(names))
	for i, name := range names {
		left[i] = max(0, time.Until(n.until[name]))
	}
	return left, nil
}

// vendor fails with what it is told, and counts.
type vendor struct {
	fails error
	calls int
}

func (v *vendor) Generate(context.Context, providers.ImageRequest, providers.Sink) (providers.ImageResult, error) {
	v.calls++
	return providers.ImageResult{}, v.fails
}

func (v *vendor) Reply(context.Context, providers.TextRequest, func(string) error) (providers.Meta, error) {
	v.calls++
	return providers.Meta{}, v.fails
}

func (*vendor) Name() string { return "vendor/1" }

func (v *vendor) Moderate(context.Context, providers.Picture) (providers.Finding, error) {
	v.calls++
	return providers.Finding{}, v.fails
}

func failure(class providers.Class) error {
	return &providers.Error{Provider: "v", Class: class, Reason: "TEST"}
}

type process struct {
	*Set

	image providers.Image
}

func newProcess(shared *sharedState, v *vendor) process {
	g := New(Config{Failures: 3, OpenFor: 30 * time.Second}, shared, slog.New(slog.DiscardHandler), "m", "other")
	return process{Set: g, image: g.Image("m", "v", v)}
}

func (p process) call() error {
	_, err := p.image.Generate(context.Background(), providers.ImageRequest{}, nil)
	return err
}

func requireThrottled(t *testing.T, err error) *providers.Error {
	t.Helper()
	throttled, ok := errors.AsType[*providers.Error](err)
	require.True(t, ok, "%v", err)
	require.True(t, throttled.Throttled)
	require.Equal(t, providers.Transient, throttled.Class)
	require.Positive(t, throttled.RetryAfter)
	return throttled
}

func TestSet_opensForAllProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shared, v := &sharedState{until: map[string]time.Time{}}, &vendor{fails: failure(providers.Transient)}
		one, other := newProcess(shared, v), newProcess(shared, v)
		require.False(t, other.IsOpen("m"))
		for range 3 {
			require.Error(t, one.call())
		}
		require.Equal(t, 3, v.calls)
		requireThrottled(t, one.call())
		require.True(t, one.IsOpen("m"))
		time.Sleep(freshness)
		require.True(t, other.IsOpen("m"), "a process that saw no failure")
		require.False(t, other.IsOpen("other"), "another model")
		require.LessOrEqual(t, requireThrottled(t, other.call()).RetryAfter, 29*time.Second)
		require.Equal(t, 3, v.calls, "the vendor was asked while its breaker is open")

		time.Sleep(30 * time.Second)
		require.False(t, one.IsOpen("m"))
		require.Error(t, one.call()) // half-open: one call is made, whose failure opens it again
		require.Equal(t, 4, v.calls)
		requireThrottled(t, one.call())

		time.Sleep(31 * time.Second)
		v.fails = nil
		require.NoError(t, one.call())
		require.NoError(t, one.call())
		require.False(t, one.IsOpen("m"))
	})
}

// What never reached the vendor, or ended before it could answer, is no sign of health.
func TestSet_takesNoSuccessFromACallThatWasNotMade(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"cancelled": context.Canceled, "throttled": &providers.Error{Class: providers.Transient, Throttled: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &vendor{}
			p := newProcess(&sharedState{until: map[string]time.Time{}}, v)
			for _, v.fails = range []error{
				failure(providers.Transient), err, failure(providers.Transient), err, failure(providers.Transient),
			} {
				require.Equal(t, v.fails, p.call())
			}
			requireThrottled(t, p.call())
			require.Equal(t, 5, v.calls, "three failures in a row")
		})
	}
}

// What is no failure of the vendor's never opens a breaker.
func TestSet_doesNotCountWhatIsNoFailureOfTheVendor(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"blocked": failure(providers.Blocked), "permanent": failure(providers.Permanent), "cancelled": context.Canceled,
		"deadline": context.DeadlineExceeded, "storage": errors.New("bucket is full"),
		"throttled": &providers.Error{Class: providers.Transient, Throttled: true, RetryAfter: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &vendor{fails: err}
			p := newProcess(&sharedState{until: map[string]time.Time{}}, v)
			for range 50 {
				require.ErrorIs(t, p.call(), err)
			}
			require.Equal(t, 50, v.calls)
			require.False(t, p.IsOpen("m"))
		})
	}
}

func TestSet_staysClosedWithSuccessesBetween(t *testing.T) {
	t.Parallel()
	v := &vendor{}
	p := newProcess(&sharedState{until: map[string]time.Time{}}, v)
	for i := range 40 { // half of all fail, never three in a row
		v.fails = nil
		if i%2 == 0 {
			v.fails = failure(providers.Transient)
		}
		require.Equal(t, v.fails, p.call())
	}
	require.Equal(t, 40, v.calls)
}

// While Redis is away each worker goes by what it sees itself, and the API offers everything.
func TestSet_worksWithoutTheSharedState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{fails: failure(providers.Transient)}
		p := newProcess(&sharedState{until: map[string]time.Time{}, away: errors.New("away")}, v)
		for range 3 {
			require.Error(t, p.call())
		}
		requireThrottled(t, p.call())
		require.Equal(t, 3, v.calls)
		require.False(t, p.IsOpen("m"))
		v.fails = nil
		time.Sleep(31 * time.Second)
		require.NoError(t, p.call())
	})
}

func TestSet_text(t *testing.T) {
	t.Parallel()
	v := &vendor{fails: failure(providers.Transient)}
	g := New(Config{Failures: 1, OpenFor: time.Minute}, &sharedState{until: map[string]time.Time{}}, slog.New(slog.DiscardHandler), "chat")
	text := g.Text("chat", "v", v)
	_, err := text.Reply(t.Context(), providers.TextRequest{}, nil)
	require.Equal(t, v.fails, err)
	_, err = text.Reply(t.Context(), providers.TextRequest{}, nil)
	requireThrottled(t, err)
	require.Equal(t, 1, v.calls)
}

func TestSet_moderator(t *testing.T) {
	t.Parallel()
	v := &vendor{fails: failure(providers.Transient)}
	g := New(Config{Failures: 1, OpenFor: time.Minute}, &sharedState{until: map[string]time.Time{}}, slog.New(slog.DiscardHandler), "chat")
	moderator := g.Moderator("chat", "v", v)
	require.Equal(t, "vendor/1", moderator.Name())
	_, err := moderator.Moderate(t.Context(), providers.Picture{})
	require.Equal(t, v.fails, err)
	_, err = moderator.Moderate(t.Context(), providers.Picture{})
	requireThrottled(t, err)
	require.Equal(t, 1, v.calls)
}

func TestSet_concurrently(t *testing.T) {
	t.Parallel()
	p := newProcess(&sharedState{until: map[string]time.Time{}}, &vendor{})
	p.image = p.Image("m", "v", failing{})
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 50 {
				_ = p.call()
				_ = p.IsOpen("m")
			}
		})
	}
	all.Wait()
	require.True(t, p.IsOpen("m"))
}

type failing struct{}

func (failing) Generate(context.Context, providers.ImageRequest, providers.Sink) (providers.ImageResult, error) {
	return providers.ImageResult{}, failure(providers.Transient)
}
