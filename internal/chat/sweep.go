package chat

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
)

// MarkDue picks at most batch replies that a worker should be told of (again), and notes that they are told. Those that
// wait are told again after patience, longer each time; since, unless nil, picks all that were last told before it.
func (r *Replier) MarkDue(ctx context.Context, since *time.Time, patience time.Duration, batch int) ([]uuid.UUID, error) {
	ids, err := r.Store.Queries().ReplyMarkDue(ctx, db.ReplyMarkDueParams{
		Since: since, PatienceSeconds: patience.Seconds(), Batch: int32(batch), MaxAttempts: MaxAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("mark due replies: %w", err)
	}
	return ids, nil
}

// Unmark takes MarkDue back for replies that nobody could be told of.
func (r *Replier) Unmark(ctx context.Context, ids []uuid.UUID) error {
	if err := r.Store.Queries().ReplyUnmark(ctx, ids); err != nil {
		return fmt.Errorf("unmark replies: %w", err)
	}
	return nil
}

// expireBatch bounds one Expire.
const expireBatch = 100

// Expire fails replies whose last attempt died with its worker, and those that nobody began in time, and tells how many.
func (r *Replier) Expire(ctx context.Context) (ended int, err error) {
	rows, err := r.Store.Queries().ReplyExpire(ctx, db.ReplyExpireParams{
		MaxAttempts: MaxAttempts, MaxAgeSeconds: r.MaxAge.Seconds(), Batch: expireBatch,
		DeadCode: failWorkerLost, DeadMessage: "We lost this answer. Please try again.",
		LateCode: failProviderBusy, LateMessage: "The assistant did not get to this in time. Please try again.",
	})
	if err != nil {
		return 0, fmt.Errorf("expire replies: %w", err)
	}
	for _, row := range rows {
		r.publish(ctx, row, event{Messages: []Message{messageOf(row)}})
	}
	return len(rows), nil
}
