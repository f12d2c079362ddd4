// Package coalesce answers calls that come at the same time with one round trip. Calls that come while a batch is being
// sent go together in the next batch, as a database groups commits. A call that comes alone is sent alone and at once: no
// call waits for others to join it.
package coalesce

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Batcher gathers calls into batches. Its exported fields are set before the first call and not changed afterwards. It is
// safe for concurrent use.
//
// At any time at most one batch is open for calls to join. The call that opened it waits for the batch before it, closes
// it, and sends it for all its calls.
type Batcher[In, Out any] struct {
	// Send answers the inputs of a batch, at least one, with as many outputs in the same order. Every input was given to
	// Call before Send is called, so an answer is never older than its question.
	Send    func(ctx context.Context, inputs []In) ([]Out, error)
	Timeout time.Duration // of one batch: the wait for the batch before it, and Send

	// OverlapAfter is how long a batch waits for the one before it. After that both are under way at once, so that a batch
	// that hangs does not delay all later ones. 0: batches never overlap, and keep their order.
	OverlapAfter time.Duration

	MaxSize int // of a batch: what comes beyond it goes into the next; 0: no bound

	// turn has room for one value, which the batch that is being sent keeps there.
	turn     chan struct{}
	makeTurn sync.Once
	posted   sync.WaitGroup // the batches that Post opened

	mu   sync.Mutex
	open *batch[In, Out] // calls may still join it; nil: none is open
}

// batch is the calls that are sent together.
type batch[In, Out any] struct {
	inputs  []In
	done    chan struct{} // closed when outputs and err are final
	outputs []Out
	err     error
}

// batchSize is how many inputs a batch has room for from the start: about as many as go together on a busy process.
const batchSize = 8

var errPanicked = errors.New("coalesce: Send panicked")

// Call answers one input. It fails with the error of Send, with [context.DeadlineExceeded] where the batch could not be
// sent within Timeout, or with ctx's error where ctx ended first.
//
// The call that opened a batch also sends it, for the other calls too. It is therefore not bound to ctx, and returns only
// after Send has, which may be later than the end of ctx.
func (b *Batcher[In, Out]) Call(ctx context.Context, input In) (output Out, err error) {
	mine, index := b.add(input)
	if index == 0 {
		b.send(context.WithoutCancel(ctx), mine)
		if err := ctx.Err(); err != nil {
			return output, err
		}
	} else {
		select {
		case <-mine.done:
		case <-ctx.Done():
			return output, ctx.Err()
		}
	}
	if mine.err != nil {
		return output, mine.err
	}
	return mine.outputs[index], nil
}

// add adds input to the open batch, and returns its index there. Index 0 means that the input opened the batch.
func (b *Batcher[In, Out]) add(input In) (to *batch[In, Out], index int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == nil || b.MaxSize > 0 && len(b.open.inputs) >= b.MaxSize {
		b.open = &batch[In, Out]{inputs: make([]In, 0, batchSize), done: make(chan struct{}), err: errPanicked}
	}
	b.open.inputs = append(b.open.inputs, input)
	return b.open, len(b.open.inputs) - 1
}

// seal closes a batch to further calls, and returns its inputs.
func (b *Batcher[In, Out]) seal(s *batch[In, Out]) []In {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == s {
		b.open = nil
	}
	return s.inputs
}

// send sends a batch when it is its turn. If Send panics, the batch keeps errPanicked for its other calls.
func (b *Batcher[In, Out]) send(ctx context.Context, s *batch[In, Out]) {
	b.makeTurn.Do(func() { b.turn = make(chan struct{}, 1) })
	ctx, cancel := context.WithTimeout(ctx, b.Timeout)
	defer cancel()
	defer close(s.done)
	acquired, err := b.acquire(ctx)
	if err != nil {
		b.seal(s)
		s.err = fmt.Errorf("wait for a turn: %w", err)
		return
	}
	if acquired {
		defer func() { <-b.turn }()
	}
	inputs := b.seal(s)
	s.outputs, s.err = b.Send(ctx, inputs)
	if s.err == nil && len(s.outputs) != len(inputs) {
		s.err = fmt.Errorf("coalesce: %d answers to %d questions", len(s.outputs), len(inputs))
	}
}

// acquire waits for the turn, and reports whether it was acquired: false means that OverlapAfter has passed. Where the turn
// is free, no timer is started.
func (b *Batcher[In, Out]) acquire(ctx context.Context) (acquired bool, err error) {
	select {
	case b.turn <- struct{}{}:
		return true, nil
	default:
	}
	var overlap <-chan time.Time
	if b.OverlapAfter > 0 {
		timer := time.NewTimer(b.OverlapAfter)
		defer timer.Stop()
		overlap = timer.C
	}
	select {
	case b.turn <- struct{}{}:
		return true, nil
	case <-overlap:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}
