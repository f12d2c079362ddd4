// Package breaker keeps us from asking a vendor that is down: a circuit breaker for each model, whose state all processes
// know. While one is open nobody draws with the model, nobody may order from it, and what was ordered waits.
//
// Each worker counts what it sees itself. One that has seen enough failures opens its breaker and notes in Redis, with an
// expiry, that the model rests; the others, and the processes that serve the API and ask no vendor, go by the note. Then
// single calls try again, and the first success ends the rest everywhere.
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

// SharedState are what all processes know of models that rest. ratelimit.Counters are such.
type SharedState interface {
	OpenBreaker(ctx context.Context, name string, d time.Duration) error
	CloseBreaker(ctx context.Context, name string) error
	// BreakersOpenFor tells how much longer each of the names rests, in their order.
	BreakersOpenFor(ctx context.Context, names ...string) ([]time.Duration, error)
}

// Config says when a breaker opens.
type Config struct {
	Failures int           // in a row; or three in five of at least twice as many calls within a minute
	OpenFor  time.Duration // for how long it stays open
	Observe  func(Call)    // takes what came of each call; nil: nobody does
}

// window is how long a call is remembered.
const window = time.Minute

// freshness is how old what is known of the notes may be.
const freshness = time.Second

// Set has the breakers of a process. It is safe for concurrent use.
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

// New returns the guard of the given models.
func New(cfg Config, notes SharedState, log *slog.Logger, models ...string) *Set {
	g := &Set{cfg: cfg, shared: notes, log: log, models: models, breakers: map[string]*breaker{}}
	for _, model := range models {
		g.breakers[model] = g.newBreaker(model)
	}
	return g
}

// IsOpen tells whether a model rests, as of at most a second ago. Where nobody can say it does not: the workers will see.
func (g *Set) IsOpen(model string) bool { return g.openFor(context.Background(), model) > 0 }

// openFor is how much longer a model rests.
func (g *Set) openFor(ctx context.Context, model string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.readAt) >= freshness {
		g.readAt, g.openUntil = now, map[string]time.Time{}
		left, err := g.shared.BreakersOpenFor(ctx, g.models...)
		if err != nil {
			g.log.WarnContext(ctx, "resting models not known", "error", err)
		}
		for i := range left {
			g.openUntil[g.models[i]] = now.Add(left[i])
		}
	}
	return time.Until(g.openUntil[model])
}

// invalidate makes the next look a fresh one.
func (g *Set) invalidate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.readAt = time.Time{}
}

// breaker is that of one model.
type breaker struct {
	set     *Set
	model   string
	circuit *gobreaker.CircuitBreaker[struct{}]
	changed chan gobreaker.State // the latest change that nobody has noted yet
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
		OnStateChange: func(_ string, _, to gobreaker.State) { // under the circuit's lock, so it only leaves word
			select {
			case <-b.changed:
			default:
			}
			b.changed <- to
		},
	})
	return b
}

// countsAgainstVendor tells whether a failure speaks against the vendor: a refusal for what was asked shows that the vendor is well.
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

// do runs call if the model does not rest.
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

// openError is the failure of a call that was not made.
func openError(provider string, left time.Duration) error {
	return &providers.Error{
		Provider: provider, Class: providers.Transient, Reason: circuitOpen, RetryAfter: left, Throttled: true,
		Cause: errors.New("the model rests after failures"),
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
	case gobreaker.StateHalfOpen: // the note has expired by itself
	}
	if err != nil {
		b.set.log.WarnContext(ctx, "state of a model not passed on", "model", b.model, "error", err)
	}
	b.set.invalidate()
}
