package coalesce

import (
	"context"
	"fmt"
)

// Post has an input sent and does not wait for that. The input goes with the batch that a Call in its place would go with, so
// inputs keep the order in which they were posted. Where it opened the batch and that fails, failed is called; the failure of a
// batch that it joined is reported to the call that opened it.
func (b *Batcher[In, Out]) Post(ctx context.Context, input In, failed func(error)) {
	mine, index := b.add(input)
	if index > 0 {
		return
	}
	b.posted.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				failed(fmt.Errorf("%w: %v", errPanicked, v))
			} else if mine.err != nil {
				failed(mine.err)
			}
		}()
		b.send(context.WithoutCancel(ctx), mine)
	})
}

// Wait waits until the batches that Post opened have been sent or have failed. What joined another batch is sent by the Call
// that opened it.
func (b *Batcher[In, Out]) Wait() { b.posted.Wait() }
