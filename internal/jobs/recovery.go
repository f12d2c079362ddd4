package jobs

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// MarkDue implements [task.Recovery]. It first wakes the jobs that wait for capacity that is free: a job on a wait list is
// nothing to push.
func (r *Renderer) MarkDue(ctx context.Context, due task.Due) ([]uuid.UUID, error) {
	next, err := r.waitList.wakeStalled(ctx, *r.unblocked.Load())
	if err != nil {
		return nil, err
	}
	r.unblocked.Store(&next)
	ids, err := r.Store.Queries().JobMarkDue(ctx, db.JobMarkDueParams{
		PushedBefore: due.PushedBefore, RepushAfterSeconds: due.RepushAfter.Seconds(), Batch: int32(due.Batch),
		MaxAttempts: MaxAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("mark due jobs: %w", err)
	}
	return ids, nil
}

// Unmark implements [task.Recovery].
func (r *Renderer) Unmark(ctx context.Context, ids []uuid.UUID) error {
	if err := r.Store.Queries().JobUnmark(ctx, ids); err != nil {
		return fmt.Errorf("unmark jobs: %w", err)
	}
	return nil
}

// expireBatch bounds one Expire.
const expireBatch = 100

// Expire implements [task.Recovery]: it fails and refunds jobs whose last attempt died with its worker, and those that
// have become too old to be drawn.
func (r *Renderer) Expire(ctx context.Context) (ended int, err error) {
	attempts, age := int32(MaxAttempts), r.Limits.maxAge().Seconds()
	expired, err := r.Store.Queries().JobListExpired(ctx, db.JobListExpiredParams{
		MaxAttempts: attempts, MaxAgeSeconds: age, Batch: expireBatch,
	})
	if err != nil {
		return 0, fmt.Errorf("list expired jobs: %w", err)
	}
	var failed []error
	for _, job := range expired {
		code, message := failWorkerLost, "We lost this one, and gave your credits back. Please try again."
		if job.Status == "queued" {
			code, message = failProviderBusy, "We did not get to this one in time, and gave your credits back. Please try again."
		}
		params := db.JobEndParams{
			ID: job.ID, LedgerID: r.NewID(), Status: "failed", ErrorCode: &code, ErrorMessage: &message,
			MaxAttempts: &attempts, MaxAgeSeconds: age,
		}
		err := postgres.Persist(ctx, func() error { return r.end(ctx, params) })
		if err != nil && !postgres.IsNotFound(err) { // not found: it has ended meanwhile
			failed = append(failed, fmt.Errorf("end job: %w", err))
		}
	}
	return len(expired), errors.Join(failed...)
}
