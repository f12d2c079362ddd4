package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

// Recoverable is a domain whose tasks live in rows. The sweeper finds those that nobody is going to do.
type Recoverable interface {
	// MarkDue picks at most batch rows that a worker should be told of and notes that they are told: those that wait
	// for longer than patience since they were last told (longer each time), those whose lease lapsed; and with since,
	// all that were last told before it.
	MarkDue(ctx context.Context, since *time.Time, patience time.Duration, batch int) ([]uuid.UUID, error)
	// Unmark takes MarkDue back.
	Unmark(ctx context.Context, ids []uuid.UUID) error
	// Expire ends rows whose last attempt died with its worker.
	Expire(ctx context.Context) (ended int, err error)
}

// Transport is what the sweeper asks of the queue.
type Transport interface {
	PushAll(ctx context.Context, kind queue.Kind, ids []uuid.UUID) error
	Oldest(ctx context.Context, kind queue.Kind) (age time.Duration, waits bool, err error)
	Lost(ctx context.Context) (bool, error)
	Restored(ctx context.Context) error
	Sweep(ctx context.Context) (returned int, err error)
}

// Exclusive runs fn unless another process is at it; see postgres.Exclusive.
type Exclusive func(ctx context.Context, key int64, fn func(ctx context.Context) error) (ran bool, err error)

// Sweeper makes good what the transport loses. Redis may forget tasks, workers may die: the rows remember.
type Sweeper struct {
	Queue     Transport
	Exclusive Exclusive
	Now       func(ctx context.Context) (time.Time, error) // the database's clock, by which rows are dated
	Tasks     map[queue.Kind]Recoverable
	Chores    []func(ctx context.Context) error // slow tidying, every ChoresEvery
	Observe   func(err error)                   // takes each look that this process took; nil: nobody does
	Log       *slog.Logger
}

const (
	sweepEvery  = time.Second
	choresEvery = time.Minute
	// sweepKey names the advisory lock: "sweep" in ASCII.
	sweepKey int64 = 0x7377656570
	// sweepTimeout bounds a sweep, so that a hanging one gives the lock up.
	sweepTimeout = 30 * time.Second
	// unmarkTimeout bounds what is still done afterwards, well within a drain.
	unmarkTimeout = 2 * time.Second
	batch         = 500

	// patience is how much longer than the oldest task in Redis one may wait, at least, before it is pushed again. What waits behind
	// that one is where it should be, however long the queue is.
	patience = 15 * time.Second
	// patienceWhenEmpty is the same when the kind's list in Redis is empty, which means that the push is lost.
	patienceWhenEmpty = 3 * time.Second
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

// Sweep looks once, unless another process is at it.
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
	for kind, task := range s.Tasks {
		ended, err := task.Expire(ctx)
		errs = append(errs, err)
		if ended > 0 {
			s.Log.ErrorContext(ctx, "gave up tasks whose workers died", "kind", kind, "tasks", ended)
		}
	}
	return errors.Join(errs...)
}

// push tells workers of everything that waits unheard. Where Redis was emptied that is everything that waits; the mark
// of the loss is taken away when all of it has been pushed.
func (s *Sweeper) push(ctx context.Context) error {
	lost, err := s.Queue.Lost(ctx)
	if err != nil {
		return fmt.Errorf("redis is away: %w", err) // nothing can be pushed, so nothing is marked
	}
	var since *time.Time
	if lost {
		now, err := s.Now(ctx)
		if err != nil {
			return fmt.Errorf("read the database's clock: %w", err)
		}
		since = &now
		s.Log.WarnContext(ctx, "redis was emptied; pushing all that waits")
	}
	var failed []error
	for kind, task := range s.Tasks {
		failed = append(failed, s.pushKind(ctx, kind, task, since))
	}
	if err := errors.Join(failed...); err != nil || !lost {
		return err
	}
	return s.Queue.Restored(ctx)
}

func (s *Sweeper) pushKind(ctx context.Context, kind queue.Kind, task Recoverable, since *time.Time) error {
	oldest, waits, err := s.Queue.Oldest(ctx, kind)
	if err != nil {
		return fmt.Errorf("measure queue: %w", err)
	}
	wait := patience + oldest
	if !waits {
		wait = patienceWhenEmpty
	}
	for {
		ids, err := task.MarkDue(ctx, since, wait, batch)
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		if err := s.Queue.PushAll(ctx, kind, ids); err != nil {
			return errors.Join(fmt.Errorf("push %s tasks: %w", kind, err), unmark(ctx, task, ids))
		}
		s.Log.InfoContext(ctx, "pushed tasks again", "kind", kind, "tasks", len(ids))
		if len(ids) < batch {
			return nil
		}
	}
}

// unmark works on when the sweep was told to stop: the marks would keep the tasks waiting.
func unmark(ctx context.Context, task Recoverable, ids []uuid.UUID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unmarkTimeout)
	defer cancel()
	return task.Unmark(ctx, ids)
}

func (s *Sweeper) tidy(ctx context.Context) error {
	_, err := s.Queue.Sweep(ctx)
	errs := []error{err}
	for _, chore := range s.Chores {
		errs = append(errs, chore(ctx))
	}
	return errors.Join(errs...)
}
