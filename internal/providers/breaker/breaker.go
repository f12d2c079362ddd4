// Package breaker stops calls to a vendor that is down: a circuit breaker for each model, whose state all processes share. While
// a breaker is open no worker calls the model, the API accepts no job for it, and jobs that are queued wait.
//
// A breaker is closed, open or half-open. Each worker counts the calls that it makes itself. After enough failures (see [Config])
// it opens its breaker and writes that to Redis, with an expiry of Config.OpenFor; other workers, and the processes that serve the
// API and call no vendor, read it there, at most a second late. After that time the breaker is half-open: a single call is let
// through, whose success closes the breaker everywhere, and whose failure opens it again. While Redis is away each worker goes by
// what it sees itself, and the API offers every model.
package breaker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/mugshot-studio/backend/internal/providers"
)

// SharedState is what all processes know of open breakers, by model. A ratelimit.Counters is one.
type SharedState interface {
	OpenBreaker(ctx context.Context, name string, d time.Duration) error
	CloseBreaker(ctx context.Context, name string) error
	// BreakersOpenFor returns for how much longer the breaker of each name is open, in their order; 0: it is not.
	BreakersOpenFor(ctx context.Context, names ...string) ([]time.Duration, error)
}

// Config says when a breaker opens.
type Config struct {
	Failures int           // in a row; or three in five of at least twice as many calls within a minute
	OpenFor  time.Duration // for how long it stays open
	Observe  func(Call)    // takes the outcome of each call; nil: not observed
}

// window is how long a call is remembered.
const window = time.Minute

// freshness is how old the copy of the shared state may be.
const freshness = time.Second

// Set is the breakers of a process, one for each model. It is safe for concurrent use.
type Set struct {
	cfg      Config
	shared   SharedState
	log      *slog.Logger
	models   []string
	breakers map[string]*breaker

	mu        sync.Mutex
	readAt    time.Time
	openUntil map[string]time.Time // until when, by model
}

// New returns the breakers of the given models.
func New(cfg Config, shared SharedState, log *slog.Logger, models ...string) *Set {
	g := &Set{cfg: cfg, shared: shared, log: log, models: models, breakers: map[string]*breaker{}}
	for _, model := range models {
		g.breakers[model] = g.newBreaker(model)
	}
	return g
}

// IsOpen tells whether a model's breaker is open, as of at most a second ago. While the shared state can't be read it is not:
// the workers will find out by their calls.
func (g *Set) IsOpen(model string) bool { return g.openFor(context.Background(), model) > 0 }

// openFor is for how much longer a model's breaker is open.
func (g *Set) openFor(ctx context.Context, model string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.readAt) >= freshness {
		g.readAt, g.openUntil = now, map[string]time.Time{}
		left, err := g.shared.BreakersOpenFor(ctx, g.models...)
		if err != nil {
			g.log.WarnContext(ctx, "state of breakers not known", "error", err)
		}
		for i := range left {
			g.openUntil[g.models[i]] = now.Add(left[i])
		}
	}
	return time.Until(g.openUntil[model])
}

// invalidate lets the next look read the shared state again.
func (g *Set) invalidate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.readAt = time.Time{}
}

// breaker is the breaker of one model.
type breaker struct {
	set     *Set
	model   string
	circuit *gobreaker.CircuitBreaker[struct{}]
	changed chan gobreaker.State // the latest change that is not published yet
}

func (g *Set) newBreaker(model string) *breaker {
	b := &breaker{set: g, model: model, changed: make(chan gobreaker.State, 1)}
	failures := uint32(g.cfg.Failures)
	b.circuit = gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name: model, MaxRequests: 1, Interval: window, BucketPeriod: window / 6, Timeout: g.cfg.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.ConsecutiveFailures >= failures || c.Requests >= 2*failures && 5*c.TotalFailures >= 3*c.Requests
		},
		IsSuccessful: func(err error) bool { return !countsAgainstVendor(err) },
		IsExcluded:   excluded,
		OnStateChange: func(_ string, _, to gobreaker.State) { // under the circuit's lock, so it only leaves the new state
			select {
			case <-b.changed:
			default:
			}
			b.changed <- to
		},
	})
	return b
}

// countsAgainstVendor tells whether a failure counts towards opening the breaker. A refusal for what was asked does not: it shows
// that the vendor works.
func countsAgainstVendor(err error) bool {
	vendor, ok := errors.AsType[*providers.Error](err)
	return ok && vendor.Class == providers.Transient
}

// excluded tells whether an end says nothing about the vendor: the caller went away, our storage failed, or the vendor
// was not even asked.
func excluded(err error) bool {
	vendor, ok := errors.AsType[*providers.Error](err)
	return err != nil && (!ok || vendor.Throttled)
}

// do runs call unless the model's breaker is open.
func (b *breaker) do(ctx context.Context, provider string, call func() error) (err error) {
	begun := time.Now()
	defer func() { b.observe(provider, begun, err) }()
	if left := b.set.openFor(ctx, b.model); left > 0 {
		return openError(provider, left)
	}
	_, err = b.circuit.Execute(func() (struct{}, error) { return struct{}{}, call() })
	b.publish(ctx)
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return openError(provider, max(b.set.openFor(ctx, b.model), time.Second)) // another call is trying
	}
	return err
}

// openError is the failure of a call that was not made because the breaker is open.
func openError(provider string, left time.Duration) error {
	return &providers.Error{
		Provider: provider, Class: providers.Transient, Reason: circuitOpen, RetryAfter: left, Throttled: true,
		Cause: errors.New("the breaker of the model is open"),
	}
}

// publish tells the other processes of a change.
func (b *breaker) publish(ctx context.Context) {
	var to gobreaker.State
	select {
	case to = <-b.changed:
	default:
		return
	}
	var err error
	switch to {
	case gobreaker.StateOpen:
		b.set.log.WarnContext(ctx, "model rests after failures", "model", b.model, "for", b.set.cfg.OpenFor.String())
		err = b.set.shared.OpenBreaker(ctx, b.model, b.set.cfg.OpenFor)
	case gobreaker.StateClosed:
		b.set.log.InfoContext(ctx, "model is back", "model", b.model)
		err = b.set.shared.CloseBreaker(ctx, b.model)
	case gobreaker.StateHalfOpen: // the shared state has expired by itself
	}
	if err != nil {
		b.set.log.WarnContext(ctx, "state of a model not passed on", "model", b.model, "error", err)
	}
	b.set.invalidate()
}
