package events

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Reader follows one topic. Its methods are called one at a time, each with a context that ends when the following is to
// end. What they return other than nil ends it: ErrOver where there is nothing more to follow, or what went wrong.
type Reader interface {
	// Begin passes on the state as it is. It is called first, once, when events are heard already.
	Begin(ctx context.Context) error
	// Hear takes an event, or the mark that some may be missing.
	Hear(ctx context.Context, e *Event) error
	// Patience is how long nothing may be heard before Hear is given a mark unasked; 0: as long as it likes.
	Patience() time.Duration
}

// ErrOver is what a Reader returns that has nothing more to follow.
var ErrOver = errors.New("events: nothing more to follow")

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
	ctx    context.Context //nolint:containedctx // what is done for the reader is begun by events, not by calls
	sub    *Subscription
	reader Reader
	ended  func(error)

	mu      sync.Mutex
	busy    bool                    // a goroutine works for it; for good once it is over
	more    bool                    // something happened since it last looked
	looks   bool                    // it was silent for too long
	cancel  context.CancelCauseFunc // of what is being done; nil: nothing is
	cause   error                   // why it is to end; nil: it goes on
	silence *time.Timer
}

// Follow has reader follow a subscription, in goroutines of its own, until it has nothing more to follow or fails, the hub
// closes the subscription, or End is called. Then the subscription is closed and ended is called, once: with nil in the
// first and third case, a *PanicError, what the reader failed with, or what End was given. ctx is what the reader's contexts
// come from; its end is nobody's.
func Follow(ctx context.Context, sub *Subscription, reader Reader, ended func(error)) *Following {
	f := &Following{ctx: ctx, sub: sub, reader: reader, ended: ended, busy: true}
	sub.notify(f.wake)
	go f.work(reader.Begin)
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
	if f.cause == nil {
		f.cause = cause
	}
	if f.cancel != nil {
		f.cancel(f.cause)
	}
	f.rouse()
}

// wake is called when there is something to be heard. It does not wait.
func (f *Following) wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rouse()
}

func (f *Following) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.busy {
		f.looks = true
		f.rouse()
	}
}

// rouse begins a turn, unless one is under way. The lock is held.
func (f *Following) rouse() {
	if f.busy {
		f.more = true
		return
	}
	f.busy = true
	go f.work(nil)
}

// work is one turn: it does first, unless that is nil, and then what there is to do, and ends when nothing is left.
//
//nolint:contextcheck,nolintlint // whoever rouses it has a context of its own; the second sees no use, since the first heeds it by itself
func (f *Following) work(first func(context.Context) error) {
	ctx, cancel := context.WithCancelCause(f.ctx)
	defer cancel(nil)
	if err := f.turn(ctx, cancel, first); !errors.Is(err, errRest) {
		f.sub.Close()
		if errors.Is(err, ErrOver) {
			err = nil
		}
		f.ended(err)
	}
}

// errRest says that nothing is left to be done for now.
var errRest = errors.New("events: at rest")

func (f *Following) turn(ctx context.Context, cancel context.CancelCauseFunc, first func(context.Context) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = f.over(&PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	if looks := f.engage(cancel); looks {
		first = func(ctx context.Context) error { return f.reader.Hear(ctx, &Event{Lagged: true}) }
	}
	if first != nil && ctx.Err() == nil {
		err = first(ctx)
	}
	for err == nil {
		err = f.step(ctx)
	}
	if errors.Is(err, errRest) {
		return err
	}
	return f.over(err)
}

// engage begins a turn. looks tells that it begins with a mark that nobody sent.
func (f *Following) engage(cancel context.CancelCauseFunc) (looks bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.silence != nil {
		f.silence.Stop()
	}
	if f.cause != nil {
		cancel(f.cause)
	}
	f.cancel = cancel
	looks, f.looks = f.looks, false
	return looks
}

func (f *Following) step(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	select {
	case e, open := <-f.sub.C():
		if !open {
			return ErrOver
		}
		return f.reader.Hear(ctx, e)
	default:
		return f.rest(f.reader.Patience())
	}
}

// rest ends the turn with errRest if nothing has happened meanwhile.
func (f *Following) rest(patience time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.more {
		f.more = false
		return nil
	}
	f.busy, f.cancel = false, nil
	switch {
	case patience <= 0:
		f.silence = nil
	case f.silence == nil:
		f.silence = time.AfterFunc(patience, f.look)
	default:
		f.silence.Reset(patience)
	}
	return errRest
}

// over ends the following for good and says with what. What fails after End was interrupted by it.
func (f *Following) over(err error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cancel = nil
	if _, panicked := errors.AsType[*PanicError](err); !panicked && f.cause != nil {
		return f.cause
	}
	return err
}
