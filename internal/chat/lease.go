package chat

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/lease"
)

// errStopped is the cause of the end of an attempt whose reader has had enough.
var errStopped = errors.New("chat: stopped")

// hold keeps a claimed reply until release is called. The attempt ends with errStopped when the creator stops it.
func (r *Replier) hold(ctx context.Context, reply db.Message) (held context.Context, release func()) {
	return lease.Hold(ctx, lease.Claim{
		Length: r.Lease,
		Renew:  func(ctx context.Context) (bool, error) { return r.renew(ctx, reply) },
		Events: r.Events.Subscribe(orders(reply.ID)),
		Heed: func(payload []byte) error {
			var o order
			if json.Unmarshal(payload, &o) == nil && o.Stop == reply.LeaseToken {
				return errStopped
			}
			return nil
		},
	})
}

func (r *Replier) renew(ctx context.Context, reply db.Message) (ours bool, err error) {
	rows, err := r.Store.Queries().ReplyRenew(ctx, db.ReplyRenewParams{
		ID: reply.ID, LeaseToken: reply.LeaseToken, LeaseSeconds: r.Lease.Seconds(),
	})
	if err != nil && ctx.Err() == nil {
		r.Log.WarnContext(ctx, "lease not renewed", "message_id", reply.ID, "error", err)
	}
	return rows == 1, err
}
