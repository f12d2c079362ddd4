package chat

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
)

var (
	// errLeaseLost is the cause of the end of an attempt whose reply was deleted, or taken over by another worker.
	errLeaseLost = errors.New("chat: lease lost")
	// errStopped is the cause of the end of an attempt whose reader has had enough.
	errStopped = errors.New("chat: stopped")
)

// hold keeps the lease of a claimed reply until release is called. The context that it returns ends with errStopped as
// its cause when the creator stops the reply, and with errLeaseLost when the lease is no longer ours: because a renewal
// says so, or because none went through for as long as the lease lasts.
func (r *Replier) hold(ctx context.Context, reply db.Message) (held context.Context, release func()) {
	held, cancel := context.WithCancelCause(ctx)
	var wg sync.WaitGroup
	sub := r.Events.Subscribe(orders(reply.ID))
	wg.Go(func() {
		defer sub.Close()
		tick := time.NewTicker(r.Lease / 3)
		defer tick.Stop()
		told := sub.C()
		renewed := time.Now()
		for {
			select {
			case <-held.Done():
				return
			case e, open := <-told:
				var o order
				switch {
				case !open:
					told = nil
					continue
				case e.Lagged: // ask the row
				case json.Unmarshal(e.Payload, &o) == nil && o.Stop == reply.LeaseToken:
					cancel(errStopped)
					return
				default:
					continue
				}
			case <-tick.C:
			}
			switch ours, err := r.renew(held, reply); {
			case err == nil && ours:
				renewed = time.Now()
			case err == nil, time.Since(renewed) >= r.Lease:
				cancel(errLeaseLost)
				return
			}
		}
	})
	return held, func() {
		cancel(context.Canceled)
		wg.Wait()
	}
}

func (r *Replier) renew(ctx context.Context, reply db.Message) (ours bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.Lease/3)
	defer cancel()
	rows, err := r.Store.Queries().ReplyRenew(ctx, db.ReplyRenewParams{
		ID: reply.ID, LeaseToken: reply.LeaseToken, LeaseSeconds: r.Lease.Seconds(),
	})
	if err != nil && ctx.Err() == nil {
		r.Log.WarnContext(ctx, "lease not renewed", "message_id", reply.ID, "error", err)
	}
	return rows == 1, err
}
