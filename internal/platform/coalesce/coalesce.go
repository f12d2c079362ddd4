// Package coalesce answers calls that come side by side with one round trip: those that come while one is under way go
// together in the next, as a database gathers commits. A call that comes alone is sent alone and at once, so nobody waits
// for company.
package coalesce

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Batcher gathers calls. Its members are set before the first call and not changed; it is safe for concurrent use.
type Batcher[In, Out any] struct {
	// Send answers inputs with as many outputs, in their order. It is never called for no inputs. What it is given was
	// all asked for before it was called, so an answer is never older than its question.
	Send    func(ctx context.Context, inputs []In) ([]Out, error)
	Timeout time.Duration // of one Send and the wait for its turn

	// OverlapAfter is how long a round waits for the one before it, so that one that hangs does not hold up all: after that
	// they are under way side by side. 0: rounds keep their order.
	OverlapAfter time.Duration

	// turn is held by the round that is being sent.
	turn     chan struct{}
	makeTurn sync.Once

	mu   sync.Mutex
	open *batch[In, Out] // the round that may still be joined, or nil
}

// batch is what goes together.
type batch[In, Out any] struct {
	inputs  []In
	done    chan struct{} // closed when the rest is final
	outputs []Out
	err     error
}

// batchSize is how many go together where many come, or so: room for them is made at once.
const batchSize = 8

var errPanicked = errors.New("batch: Send panicked")

// Call answers one input. It fails with what Send failed with, with context.DeadlineExceeded where the turn did not come
// within Timeout, or with ctx's error where that ended first.
//
// Whoever begins a round sends it, for the others too, and so not bound to ctx: it returns a little later than ctx ends.
func (b *Batcher[In, Out]) Call(ctx context.Context, input In) (output Out, err error) {
	r, place := b.add(input)
	if place == 0 {
		b.send(context.WithoutCancel(ctx), r)
		if err := ctx.Err(); err != nil {
			return output, err
		}
	} else {
		select {
		case <-r.done:
		case <-ctx.Done():
			return output, ctx.Err()
		}
	}
	if r.err != nil {
		return output, r.err
	}
	return r.outputs[place], nil
}

// add adds input to the open round, and returns where it stands there; the first one begins the round.
func (b *Batcher[In, Out]) add(input In) (r *batch[In, Out], place int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil {
		b.open = &batch[In, Out]{inputs: make([]In, 0, batchSize), done: make(chan struct{}), err: errPanicked}
	}
	b.open.inputs = append(b.open.inputs, input)
	return b.open, len(b.open.inputs) - 1
}

// seal keeps others from joining r, and returns its inputs.
func (b *Batcher[In, Out]) seal(r *batch[In, Out]) []In {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == r {
		b.open = nil
	}
	return r.inputs
}

// send sends r when it is its turn.
func (b *Batcher[In, Out]) send(ctx context.Context, r *batch[In, Out]) {
	b.makeTurn.Do(func() { b.turn = make(chan struct{}, 1) })
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	defer close(r.done)
	taken, err := b.acquire(ctx)
	if err != nil {
		b.seal(r)
		r.err = fmt.Errorf("wait for a turn: %w", err)
		return
	}
	if taken {
		defer func() { <-b.turn }()
	}
	inputs := b.seal(r)
	r.outputs, r.err = b.Send(ctx, inputs)
	if r.err == nil && len(r.outputs) != len(inputs) {
		r.err = fmt.Errorf("batch: %d answers to %d questions", len(r.outputs), len(inputs))
	}
}

// acquire waits for the turn, and reports whether it was taken or patience ran out. Where it is free no timer is begun.
func (b *Batcher[In, Out]) acquire(ctx context.Context) (taken bool, err error) {
	select {
	case b.turn <- struct{}{}:
		return true, nil
	default:
	}
	var impatient <-chan time.Time
	if b.OverlapAfter > 0 {
		timer := time.NewTimer(b.OverlapAfter)
		defer timer.Stop()
		impatient = timer.C
	}
	select {
	case b.turn <- struct{}{}:
		return true, nil
	case <-impatient:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
