package jobs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
)

// MarkDue picks at most batch jobs that a worker should be told of (again), and notes that they are told. Those that
// wait are told again after patience, longer each time; since, unless nil, picks all that were last told before it.
func (r *Runner) MarkDue(ctx context.Context, since *time.Time, patience time.Duration, batch int) ([]uuid.UUID, error) {
	ids, err := r.Store.Queries().JobMarkDue(ctx, db.JobMarkDueParams{
		Since: since, PatienceSeconds: patience.Seconds(), Batch: int32(batch), MaxAttempts: MaxAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("mark due jobs: %w", err)
	}
	return ids, nil
}

// Unmark takes MarkDue back for jobs that nobody could be told of.
func (r *Runner) Unmark(ctx context.Context, ids []uuid.UUID) error {
	if err := r.Store.Queries().JobUnmark(ctx, ids); err != nil {
		return fmt.Errorf("unmark jobs: %w", err)
	}
	return nil
}

// expireBatch bounds one Expire.
const expireBatch = 100

// Expire fails and refunds jobs whose last attempt died with its worker, and tells how many.
func (r *Runner) Expire(ctx context.Context) (ended int, err error) {
	ids, err := r.Store.Queries().JobExhausted(ctx, db.JobExhaustedParams{MaxAttempts: MaxAttempts, Batch: expireBatch})
	if err != nil {
		return 0, fmt.Errorf("list exhausted jobs: %w", err)
	}
	code, message, attempts := failWorkerLost, "We lost this one, and gave your credits back. Please try again.", int32(MaxAttempts)
	var failed []error
	for _, id := range ids {
		failed = append(failed, end(ctx, r.Store.Queries(), r, db.JobEndParams{
			ID: id, LedgerID: r.NewID(), Status: "failed", ErrorCode: &code, ErrorMessage: &message, MaxAttempts: &attempts,
		}))
	}
	return len(ids), errors.Join(failed...)
}
