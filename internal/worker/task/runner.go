package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// SettleTimeout bounds the writes that end an attempt. They go on when the attempt's own context has ended, so a process
// that drains waits for them.
const SettleTimeout = 10 * time.Second

// Runner runs the attempts of one kind. It is safe for use by many goroutines.
type Runner struct {
	Kind   Kind
	Name   queue.Kind
	Events Subscriber // of control messages; nil: the kind has none
	Log    *slog.Logger
	// Observe takes what came of each attempt, for metrics and the log; nil: not observed.
	Observe func(ctx context.Context, kind queue.Kind, outcome Outcome, took time.Duration)
}

// Subscriber subscribes to control messages; events.Hub implements it.
type Subscriber interface {
	Subscribe(topic string) *events.Subscription
}

// Run makes one attempt on a row, if there is one to begin. What came of it stands in the row, so an error means only that
// the row could not be read or written; the sweeper takes it up then.
func (r *Runner) Run(ctx context.Context, id uuid.UUID) error {
	attempt, err := r.Kind.Claim(ctx, id)
	if err != nil {
		return fmt.Errorf("claim %s: %w", r.Name, err)
	}
	if attempt == nil {
		return nil
	}
	begun, row := time.Now(), attempt.Row()
	if row.UserID != nil {
		ctx = tracecontext.With(ctx, tracecontext.UserID, row.UserID.String())
	}
	ctx, end := tracecontext.Resume(ctx, row.Origin, string(r.Name), row.Name, row.ID.String())
	workErr, cause := r.work(ctx, attempt)

	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), SettleTimeout)
	defer cancel()
	outcome, err := r.settle(settling, attempt, workErr, cause)
	if outcome == Lost {
		attempt.Abandon(settling)
	}
	end(string(outcome))
	if r.Observe != nil {
		r.Observe(ctx, r.Name, outcome, time.Since(begun))
	}
	return err
}

// work works under the lease, and returns what the work failed with and why its context ended, if it did. A panic is an
// error like any other.
func (r *Runner) work(ctx context.Context, attempt Attempt) (err, cause error) {
	leased, release := r.keepLease(ctx, attempt)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("work: %w", apperr.Panicked(p))
			r.Log.ErrorContext(ctx, "panic in a task", "kind", string(r.Name), "error", err, "stack", string(debug.Stack()))
		}
		cause = context.Cause(leased)
		release()
	}()
	return attempt.Work(leased), nil
}

// settle writes what came of the attempt.
func (r *Runner) settle(ctx context.Context, attempt Attempt, workErr, cause error) (Outcome, error) {
	if workErr == nil {
		return r.write(ctx, attempt.Complete)
	}
	switch {
	case errors.Is(cause, ErrLeaseLost), errors.Is(workErr, ErrLeaseLost):
		return Lost, nil
	case errors.Is(cause, queue.ErrDraining):
		return r.retry(ctx, attempt, Retry{Released: true})
	}
	return r.retryOrFail(ctx, attempt, workErr)
}

// retryOrFail applies the retry policy to an attempt that failed. A row that could not begin another attempt before its
// expiry fails at once instead of waiting for it.
func (r *Runner) retryOrFail(ctx context.Context, attempt Attempt, workErr error) (Outcome, error) {
	row, policy, d := attempt.Row(), r.Kind.Policy(), r.Kind.Classify(workErr)
	delay := max(d.After, policy.Backoff(row.Attempt))
	if d.Throttled {
		delay = d.After + policy.Backoff(1) // a short random time more: many attempts may have been throttled at once
	}
	again := d.Retry && (d.Throttled || row.Attempt < policy.MaxAttempts)
	if again && !row.Expiry.IsZero() && time.Until(row.Expiry) <= delay {
		again = false
	}
	level, message := slog.LevelWarn, "attempt failed"
	if !again && !d.OwnersFault {
		level, message = slog.LevelError, row.Noun+" given up"
	}
	r.Log.Log(ctx, level, message, row.Name, row.ID, "attempt", row.Attempt, "code", d.Code, "retry", again, "error", workErr)
	if again {
		return r.retry(ctx, attempt, Retry{Decision: d, Delay: delay, Released: d.Throttled})
	}
	return r.write(ctx, func(ctx context.Context) (Outcome, error) { return Failed, attempt.Fail(ctx, d) })
}

func (r *Runner) retry(ctx context.Context, attempt Attempt, how Retry) (Outcome, error) {
	return r.write(ctx, func(ctx context.Context) (Outcome, error) {
		if how.Released {
			return Released, attempt.Retry(ctx, how)
		}
		return Retried, attempt.Retry(ctx, how)
	})
}

// write repeats a write while Postgres is away for a moment. The write names the fencing token, so that a repeat after a
// lost answer finds no row.
func (r *Runner) write(ctx context.Context, end func(ctx context.Context) (Outcome, error)) (outcome Outcome, err error) {
	err = postgres.Persist(ctx, func() (err error) {
		outcome, err = end(ctx)
		return err
	})
	switch {
	case postgres.IsNotFound(err):
		return Lost, nil
	case err != nil:
		return Unwritten, fmt.Errorf("end an attempt of %s: %w", r.Name, err)
	}
	return outcome, nil
}
