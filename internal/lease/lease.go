// Package lease keeps what a worker has claimed: a job or a reply is its own for as long as it renews the lease, and no
// longer.
package lease

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// ErrLost is the cause of the end of an attempt whose row is gone, or was taken over by another worker.
var ErrLost = errors.New("lease lost")

// Claim is a row that was claimed for Length, as far as a holder has to know it.
type Claim struct {
	Length time.Duration
	// Renew prolongs the lease by its length and tells whether it was still ours. An error leaves that open.
	Renew func(ctx context.Context) (ours bool, err error)
	// Events are what is told about the row while it is held; the holder closes them.
	Events *events.Subscription
	// Heed says why an event ends the attempt; nil: it does not.
	Heed func(payload []byte) error
}

// Hold renews the lease of a claim at a third of its length until release is called. The context that it returns ends with
// ErrLost as its cause when the lease is no longer ours: because a renewal says so, or because none went through for as
// long as the lease lasts. It ends with what Heed says when an event is a reason.
func Hold(ctx context.Context, claim Claim) (held context.Context, release func()) {
	held, cancel := context.WithCancelCause(ctx)
	var holding sync.WaitGroup
	holding.Go(func() {
		defer claim.Events.Close()
		cancel(claim.keep(held))
	})
	return held, func() {
		cancel(context.Canceled)
		holding.Wait()
	}
}

// keep returns why the row is not to be worked on any more.
func (c Claim) keep(ctx context.Context) error {
	tick := time.NewTicker(c.Length / 3)
	defer tick.Stop()
	told := c.Events.C()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case event, open := <-told:
			switch {
			case !open:
				told = nil
				continue
			case !event.Lagged:
				if err := c.Heed(event.Payload); err != nil {
					return err
				}
				continue
			}
			// Something was missed; the row knows.
		case <-tick.C:
		}
		switch ours, err := c.renew(ctx); {
		case err == nil && ours:
			renewed = time.Now()
		case err == nil, time.Since(renewed) >= c.Length:
			return ErrLost
		}
	}
}

func (c Claim) renew(ctx context.Context) (ours bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Length/3)
	defer cancel()
	return c.Renew(ctx)
}
