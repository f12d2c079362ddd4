package chat

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// MarkDue implements [task.Recovery].
func (r *Replier) MarkDue(ctx context.Context, due task.Due) ([]uuid.UUID, error) {
	ids, err := r.Store.Queries().ReplyMarkDue(ctx, db.ReplyMarkDueParams{
		PushedBefore: due.PushedBefore, RepushAfterSeconds: due.RepushAfter.Seconds(), Batch: int32(due.Batch),
		MaxAttempts: MaxAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("mark due replies: %w", err)
	}
	return ids, nil
}

// Unmark implements [task.Recovery].
func (r *Replier) Unmark(ctx context.Context, ids []uuid.UUID) error {
	if err := r.Store.Queries().ReplyUnmark(ctx, ids); err != nil {
		return fmt.Errorf("unmark replies: %w", err)
	}
	return nil
}

// expireBatch bounds one Expire.
const expireBatch = 100

// Expire implements [task.Recovery]: it fails replies whose last attempt died with its worker, and those that no worker
// began in time.
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
