package task

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// ErrLeaseLost is the cause of the end of an attempt whose row is gone, has ended, or was taken over by another worker.
var ErrLeaseLost = errors.New("lease lost")

// keepLease renews the lease of an attempt at a third of its length until release is called. The context that it returns
// ends with ErrLeaseLost as its cause when the lease is no longer ours: because a renewal says so, or because none went
// through for as long as the lease lasts. It ends with what [Attempt.Handle] returns for a control message.
func (r *Runner) keepLease(ctx context.Context, attempt Attempt) (leased context.Context, release func()) {
	k := keeper{attempt: attempt, row: attempt.Row(), length: r.Kind.Policy().Lease, runner: r}
	var control *events.Subscription
	if k.row.Control != "" {
		control = r.Events.Subscribe(k.row.Control)
		k.control = control.C()
	}
	leased, cancel := context.WithCancelCause(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		if control != nil {
			defer control.Close()
		}
		cancel(k.keep(leased))
	})
	return leased, func() {
		cancel(context.Canceled)
		keeping.Wait()
	}
}

// keeper keeps one lease.
type keeper struct {
	attempt Attempt
	row     Row
	length  time.Duration
	control <-chan *events.Event // nil: no control messages
	runner  *Runner
}

// keep returns why the row must not be worked on any more.
func (k *keeper) keep(ctx context.Context) error {
	tick := time.NewTicker(k.length / 3)
	defer tick.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case message, open := <-k.control:
			switch {
			case !open:
				k.control = nil
				continue
			case !message.Lagged:
				if err := k.attempt.Handle(message.Payload); err != nil {
					return err
				}
				continue
			}
			// A message was missed; the row knows what it said.
		case <-tick.C:
		}
		switch ours, err := k.renew(ctx); {
		case err == nil && ours:
			renewed = time.Now()
		case err == nil, time.Since(renewed) >= k.length:
			return ErrLeaseLost
		}
	}
}

func (k *keeper) renew(ctx context.Context) (ours bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, k.length/3)
	defer cancel()
	ours, err = k.attempt.Renew(ctx)
	if err != nil && ctx.Err() == nil {
		k.runner.Log.WarnContext(ctx, "lease not renewed", k.row.Name, k.row.ID, "error", err)
	}
	return ours, err
}
