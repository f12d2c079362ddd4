package events

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Handler follows one topic. Its methods are called one at a time, each with a context that ends when the following is to
// end. What they return other than nil ends it: ErrDone where there is nothing more to follow, or what went wrong.
type Handler interface {
	// Snapshot passes on the state as it is. It is called first, once, when events are heard already.
	Snapshot(ctx context.Context) error
	// Handle takes an event, or the mark that some may be missing.
	Handle(ctx context.Context, e *Event) error
	// IdleTimeout is how long nothing may be heard before Hear is given a mark unasked; 0: as long as it likes.
	IdleTimeout() time.Duration
}

// ErrDone is what a Reader returns that has nothing more to follow.
var ErrDone = errors.New("events: nothing more to follow")

// PanicError is what a Reader's panic becomes.
type PanicError struct {
	Value any
	Stack []byte
}

// Error implements error.
func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Following is a Reader at work. While nothing is heard it has no goroutine: thousands wait at a time, and the stack of
// one that waits is as much as everything else that a silent reader needs.
type Following struct {
	ctx     context.Context //nolint:containedctx // what is done for the reader is begun by events, not by calls
	sub     *Subscription
	handler Handler
	onEnd   func(error)

	mu        sync.Mutex
	busy      bool                    // a goroutine works for it; for good once it is over
	pending   bool                    // something happened since it last looked
	idle      bool                    // it was silent for too long
	cancel    context.CancelCauseFunc // of what is being done; nil: nothing is
	endCause  error                   // why it is to end; nil: it goes on
	idleTimer *time.Timer
}

// Follow has reader follow a subscription, in goroutines of its own, until it has nothing more to follow or fails, the hub
// closes the subscription, or End is called. Then the subscription is closed and ended is called, once: with nil in the
// first and third case, a *PanicError, what the reader failed with, or what End was given. ctx is what the reader's contexts
// come from; its end is nobody's.
func Follow(ctx context.Context, sub *Subscription, handler Handler, onEnd func(error)) *Following {
	f := &Following{ctx: ctx, sub: sub, handler: handler, onEnd: onEnd, busy: true}
	sub.setOnChange(f.notified)
	go f.run(handler.Snapshot)
	return f
}

// Wait is for callers that have nothing to do but wait for a following to end: follow begins it. When ctx ends it does.
func Wait(ctx context.Context, follow func(ended func(error)) *Following) error {
	over := make(chan error, 1)
	f := follow(func(err error) { over <- err })
	defer context.AfterFunc(ctx, func() { f.End(context.Cause(ctx)) })()
	return <-over
}

// End ends the following, if it has not ended yet, and interrupts what is being done for it. It returns at once and may be
// called again.
func (f *Following) End(cause error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.endCause == nil {
		f.endCause = cause
	}
	if f.cancel != nil {
		f.cancel(f.endCause)
	}
	f.schedule()
}

// onChange is called when there is something to be heard. It does not wait.
func (f *Following) notified() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.schedule()
}

func (f *Following) idleTimedOut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.busy {
		f.idle = true
		f.schedule()
	}
}

// schedule begins a turn, unless one is under way. The lock is held.
func (f *Following) schedule() {
	if f.busy {
		f.pending = true
		return
	}
	f.busy = true
	go f.run(nil)
}

// run is one turn: it does first, unless that is nil, and then what there is to do, and ends when nothing is left.
//
//nolint:contextcheck,nolintlint // whoever rouses it has a context of its own; the second sees no use, since the first heeds it by itself
func (f *Following) run(first func(context.Context) error) {
	ctx, cancel := context.WithCancelCause(f.ctx)
	defer cancel(nil)
	if err := f.runTurn(ctx, cancel, first); !errors.Is(err, errParked) {
		f.sub.Close()
		if errors.Is(err, ErrDone) {
			err = nil
		}
		f.onEnd(err)
	}
}

// errParked says that nothing is left to be done for now.
var errParked = errors.New("events: at rest")

func (f *Following) runTurn(ctx context.Context, cancel context.CancelCauseFunc, first func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = f.finish(&PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	if looks := f.beginTurn(cancel); looks {
		first = func(ctx context.Context) error { return f.handler.Handle(ctx, &Event{Lagged: true}) }
	}
	if first != nil && ctx.Err() == nil {
		err = first(ctx)
	}
	for err == nil {
		err = f.step(ctx)
	}
	if errors.Is(err, errParked) {
		return err
	}
	return f.finish(err)
}

// beginTurn begins a turn. looks tells that it begins with a mark that nobody sent.
func (f *Following) beginTurn(cancel context.CancelCauseFunc) (looks bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.idleTimer != nil {
		f.idleTimer.Stop()
	}
	if f.endCause != nil {
		cancel(f.endCause)
	}
	f.cancel = cancel
	looks, f.idle = f.idle, false
	return looks
}

func (f *Following) step(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case e, open := <-f.sub.C():
		if !open {
			return ErrDone
		}
		return f.handler.Handle(ctx, e)
	default:
		return f.park(f.handler.IdleTimeout())
	}
}

// park ends the turn with errParked if nothing has happened meanwhile.
func (f *Following) park(idleTimeout time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending {
		f.pending = false
		return nil
	}
	f.busy, f.cancel = false, nil
	switch {
	case idleTimeout <= 0:
		f.idleTimer = nil
	case f.idleTimer == nil:
		f.idleTimer = time.AfterFunc(idleTimeout, f.idleTimedOut)
	default:
		f.idleTimer.Reset(idleTimeout)
	}
	return errParked
}

// finish ends the following for good and says with what. What fails after End was interrupted by it.
func (f *Following) finish(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancel = nil
	if _, panicked := errors.AsType[*PanicError](err); !panicked && f.endCause != nil {
		return f.endCause
	}
	return err
}
