package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// Transport is the queue, as far as the sweeper needs it; queue.Queue implements it.
type Transport interface {
	PushAll(ctx context.Context, kind queue.Kind, ids []uuid.UUID) error
	Oldest(ctx context.Context, kind queue.Kind) (age time.Duration, waits bool, err error)
	Lost(ctx context.Context) (bool, error)
	Restored(ctx context.Context) error
	Sweep(ctx context.Context) (returned int, err error)
}

// Exclusive runs fn unless another process runs it under the same key; see [postgres.Store.Exclusive].
type Exclusive func(ctx context.Context, key int64, fn func(ctx context.Context) error) (ran bool, err error)

// Sweeper pushes again what the queue has lost. Redis may forget ids and workers may die; the rows remember.
type Sweeper struct {
	Queue     Transport
	Exclusive Exclusive
	Now       func(ctx context.Context) (time.Time, error) // the database's clock, by which rows are dated
	Tasks     []Task
	Chores    []func(ctx context.Context) error // slow tidying, once a minute
	Observe   func(err error)                   // takes the result of each sweep of this process; nil: not observed
	Log       *slog.Logger
}

const (
	sweepEvery  = time.Second
	choresEvery = time.Minute
	// sweepKey names the advisory lock: "sweep" in ASCII.
	sweepKey int64 = 0x7377656570
	// sweepTimeout bounds a sweep, so that a hanging one gives the lock up.
	sweepTimeout = 30 * time.Second
	// unmarkTimeout bounds the unmarking after a push that failed, well within a drain.
	unmarkTimeout = 2 * time.Second
	// batch bounds how many rows one statement marks.
	batch = 500

	// repushAfter is how much longer than the oldest id in Redis a row waits, at least, before its id is pushed again. The
	// id of a row that waits for less is behind that one in the list, however long the list is.
	repushAfter = 15 * time.Second
	// repushAfterWhenEmpty is the same when the kind's list in Redis is empty, so that the push must be lost.
	repushAfterWhenEmpty = 3 * time.Second
)

// Run sweeps at once and then every second until ctx ends. Any number of processes may run it; one of them sweeps.
func (s *Sweeper) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var chores time.Time
	for ctx.Err() == nil {
		tidy := time.Since(chores) >= choresEvery
		err := s.Sweep(ctx, tidy)
		if err != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "sweep failed", "error", err)
		}
		if tidy && err == nil {
			chores = time.Now()
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// Sweep sweeps once, unless another process does. With tidy it runs the chores, too.
func (s *Sweeper) Sweep(ctx context.Context, tidy bool) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	ran, err := s.Exclusive(ctx, sweepKey, func(ctx context.Context) error {
		errs := []error{s.expire(ctx), s.push(ctx)}
		if tidy {
			errs = append(errs, s.tidy(ctx))
		}
		return errors.Join(errs...)
	})
	if s.Observe != nil && (ran || err != nil) {
		s.Observe(err)
	}
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return nil
}

func (s *Sweeper) expire(ctx context.Context) error {
	var errs []error
	for _, t := range s.Tasks {
		ended, err := t.Kind.Expire(ctx)
		errs = append(errs, err)
		if ended > 0 {
			s.Log.ErrorContext(ctx, "gave up tasks whose workers died", "kind", t.Name, "tasks", ended)
		}
	}
	return errors.Join(errs...)
}

// push pushes the ids of rows that wait and whose ids are not in Redis. Where Redis was emptied those are all that wait; the
// mark of the loss is taken away when all of them have been pushed.
func (s *Sweeper) push(ctx context.Context) error {
	lost, err := s.Queue.Lost(ctx)
	if err != nil {
		return fmt.Errorf("redis is away: %w", err) // nothing can be pushed, so nothing is marked
	}
	var pushedBefore *time.Time
	if lost {
		now, err := s.Now(ctx)
		if err != nil {
			return fmt.Errorf("read the database's clock: %w", err)
		}
		pushedBefore = &now
		s.Log.WarnContext(ctx, "redis was emptied; pushing all that waits")
	}
	var failed []error
	for _, t := range s.Tasks {
		failed = append(failed, s.pushTask(ctx, t, pushedBefore))
	}
	if err := errors.Join(failed...); err != nil || !lost {
		return err
	}
	return s.Queue.Restored(ctx)
}

func (s *Sweeper) pushTask(ctx context.Context, t Task, pushedBefore *time.Time) error {
	after, err := RepushAfter(ctx, s.Queue, t.Name)
	if err != nil {
		return fmt.Errorf("measure queue: %w", err)
	}
	due := task.Due{RepushAfter: after, PushedBefore: pushedBefore, Batch: batch}
	for {
		ids, err := t.Kind.MarkDue(ctx, due)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		if err := s.Queue.PushAll(ctx, t.Name, ids); err != nil {
			return errors.Join(fmt.Errorf("push %s tasks: %w", t.Name, err), unmark(ctx, t.Kind, ids))
		}
		s.Log.InfoContext(ctx, "pushed tasks again", "kind", t.Name, "tasks", len(ids))
		if len(ids) < batch {
			return nil
		}
	}
}

// unmark goes on when the sweep was stopped: the marks would keep the rows waiting.
func unmark(ctx context.Context, recovery task.Recovery, ids []uuid.UUID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unmarkTimeout)
	defer cancel()
	return recovery.Unmark(ctx, ids)
}

func (s *Sweeper) tidy(ctx context.Context) error {
	_, err := s.Queue.Sweep(ctx)
	errs := []error{err}
	for _, chore := range s.Chores {
		errs = append(errs, chore(ctx))
	}
	return errors.Join(errs...)
}
