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
// wait are told again after patience, longer each time; since, unless nil, picks all that were last told before it. What
// waits its turn is nothing that a worker should be told of, unless nobody is going to call it.
func (r *Runner) MarkDue(ctx context.Context, since *time.Time, patience time.Duration, batch int) ([]uuid.UUID, error) {
	next, err := r.line.unblock(ctx, *r.unblocked.Load())
	if err != nil {
		return nil, err
	}
	r.unblocked.Store(&next)
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

// Expire fails and refunds jobs whose last attempt died with its worker, and those that have become too old to be drawn,
// and tells how many.
func (r *Runner) Expire(ctx context.Context) (ended int, err error) {
	attempts, age := int32(MaxAttempts), r.Limits.maxAge().Seconds()
	expired, err := r.Store.Queries().JobListExpired(ctx, db.JobListExpiredParams{
		MaxAttempts: attempts, MaxAgeSeconds: age, Batch: expireBatch,
	})
	if err != nil {
		return 0, fmt.Errorf("list expired jobs: %w", err)
	}
	var failed []error
	for _, job := range expired {
		why := failure{failWorkerLost, "We lost this one, and gave your credits back. Please try again."}
		if job.Status == "queued" {
			why = failure{failProviderBusy, "We did not get to this one in time, and gave your credits back. Please try again."}
		}
		_, err := r.end(ctx, db.JobEndParams{
			ID: job.ID, LedgerID: r.NewID(), Status: "failed", ErrorCode: &why.code, ErrorMessage: &why.message,
			MaxAttempts: &attempts, MaxAgeSeconds: age,
		})
		failed = append(failed, err)
	}
	return len(expired), errors.Join(failed...)
}
