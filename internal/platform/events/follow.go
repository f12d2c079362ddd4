package events

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Handler handles the events of one topic for [Follow]. Its methods are called one at a time, each with a context that
// ends when the following is to end. An error that one returns ends the following: [ErrDone] where there is nothing more
// to follow, else what went wrong.
type Handler interface {
	// Snapshot reads the state and passes it on. It is called first, once, when the subscription already stands, so that
	// no change falls between the state and the first event.
	Snapshot(ctx context.Context) error
	// Handle takes an event, or a lag mark, upon which it reads the state again.
	Handle(ctx context.Context, e *Event) error
	// IdleTimeout returns how long no event may come before Handle is given a lag mark that was never sent, in case an
	// event was lost; 0: for ever. It is asked each time the handler has nothing left to do.
	IdleTimeout() time.Duration
}

// ErrDone is what a [Handler] returns that has nothing more to follow.
var ErrDone = errors.New("events: nothing more to follow")

// PanicError is the error that a panic of a [Handler] becomes.
type PanicError struct {
	Value any    // what it panicked with
	Stack []byte // of the goroutine that panicked
}

// Error implements error.
func (p *PanicError) Error() string { return fmt.Sprintf("panic: %v", p.Value) }

// Following is a [Handler] that follows a subscription. It is parked while there is no event to handle, and has no
// goroutine then: a process has thousands of them, and a parked goroutine's stack would take as much memory as everything
// else that a silent stream needs.
type Following struct {
	ctx     context.Context //nolint:containedctx // the handler's calls are started by events, not by calls that have a context
	sub     *Subscription
	handler Handler
	onEnd   func(error)

	mu        sync.Mutex
	busy      bool                    // a goroutine is running a turn; stays true after the end
	pending   bool                    // something happened since the turn last looked for events
	idle      bool                    // the idle timeout has passed: the next turn begins with a lag mark
	cancel    context.CancelCauseFunc // ends the context of the turn under way; nil: none is
	endCause  error                   // what End was given; nil: not ended
	idleTimer *time.Timer
}

// Follow has handler follow a subscription until the handler returns an error, the hub closes the subscription, or
// [Following.End] is called. Then it closes the subscription and calls onEnd once: with nil after [ErrDone] and when the
// hub closed the subscription, else with a *[PanicError], the handler's error, or the error that End was given.
//
// The handler runs in goroutines of its own, with contexts made from ctx. ctx lends its values and must not end: a parked
// following would not notice it.
func Follow(ctx context.Context, sub *Subscription, handler Handler, onEnd func(error)) *Following {
	f := &Following{ctx: ctx, sub: sub, handler: handler, onEnd: onEnd, busy: true}
	sub.setOnChange(f.notified)
	go f.run(handler.Snapshot)
	return f
}

// Wait blocks until a following ends, and returns the error that its onEnd was given. follow starts the following with the
// onEnd that it is given. When ctx ends, Wait ends the following.
func Wait(ctx context.Context, follow func(onEnd func(error)) *Following) error {
	over := make(chan error, 1)
	f := follow(func(err error) { over <- err })
	defer context.AfterFunc(ctx, func() { f.End(context.Cause(ctx)) })()
	return <-over
}

// End ends the following, if it has not ended yet, and cancels the context of the handler's call that is under way. It
// returns at once. Of several calls the first one's cause counts.
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

// notified is called by the subscription when there is an event to handle. It does not block.
func (f *Following) notified() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.schedule()
}

// idleTimedOut is called by the idle timer.
func (f *Following) idleTimedOut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.busy {
		f.idle = true
		f.schedule()
	}
}

// schedule starts a turn, or tells the turn under way to look for events once more. The caller holds the lock.
func (f *Following) schedule() {
	if f.busy {
		f.pending = true
		return
	}
	f.busy = true
	go f.run(nil)
}

// run runs one turn and, unless that parked the following, ends it.
//
//nolint:contextcheck,nolintlint // schedule's callers have contexts of their own; nolintlint sees no use when contextcheck follows that
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

// errParked ends a turn after which the following waits for the next event.
var errParked = errors.New("events: parked")

// runTurn calls first, unless that is nil, then handles events until none is left. It returns errParked then, and any
// other error where the following is to end.
func (f *Following) runTurn(ctx context.Context, cancel context.CancelCauseFunc, first func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = f.finish(&PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	if idle := f.beginTurn(cancel); idle {
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

// beginTurn stops the idle timer and has [Following.End] cancel this turn. idle tells that the timer had fired, so that the
// turn begins with a lag mark.
func (f *Following) beginTurn(cancel context.CancelCauseFunc) (idle bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.idleTimer != nil {
		f.idleTimer.Stop()
	}
	if f.endCause != nil {
		cancel(f.endCause)
	}
	f.cancel = cancel
	idle, f.idle = f.idle, false
	return idle
}

// step handles the next event, or parks the following where there is none.
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

// park ends the turn with errParked and starts the idle timer. It returns nil instead if something has happened since the
// turn looked for events: then it has to look again.
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

// finish returns the error to end the following with: that given to [Following.End] rather than err, since what failed
// after End failed because of it. A panic is always reported.
func (f *Following) finish(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancel = nil
	if _, panicked := errors.AsType[*PanicError](err); !panicked && f.endCause != nil {
		return f.endCause
	}
	return err
}
