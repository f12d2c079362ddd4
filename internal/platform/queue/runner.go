package queue

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// runner fetches and runs the tasks of one kind.
type runner struct {
	Consumer
	kind    Kind
	slots   chan struct{} // holds one value for each slot that is taken
	bell    chan struct{} // holds a value when the doorbell has rung since the fetcher last looked
	running atomic.Int64
	log     *slog.Logger
}

func newRunner(kind Kind, consumer Consumer, log *slog.Logger) (*runner, error) {
	if consumer.Slots < 1 || consumer.Deadline <= 0 || consumer.Handle == nil {
		return nil, fmt.Errorf("queue: consumer of %s needs slots, a deadline and a handler", kind)
	}
	return &runner{
		Consumer: consumer,
		kind:     kind,
		slots:    make(chan struct{}, consumer.Slots),
		bell:     make(chan struct{}, 1),
		log:      log.With("kind", kind),
	}, nil
}

// ring makes the fetcher look at the list now. It does not block; while one ring is pending, further rings have no effect.
func (l *runner) ring() {
	select {
	case l.bell <- struct{}{}:
	default:
	}
}

// fetch hands tasks to begin until quit ends. The fetcher takes a slot before it looks at the list, passes the slot on with
// the task, and takes another slot before it looks again: so a process never fetches a task that it can't run.
func (l *runner) fetch(quit context.Context, newFetcher func(take func(string)) fetcher, begin func(uuid.UUID)) {
	l.slots <- struct{}{}
	f := newFetcher(func(rawID string) {
		id, err := uuid.Parse(rawID)
		if err != nil {
			l.log.ErrorContext(quit, "task dropped: its id is no UUID", "error", err)
			return
		}
		begin(id)
		select {
		case l.slots <- struct{}{}:
		case <-quit.Done(): // nothing is fetched from now on, so no slot is needed
		}
	})
	f.start() // returns once Redis was reached
	for {
		select {
		case <-quit.Done():
			f.stop()
			return
		case <-l.bell:
			f.wake()
		}
	}
}

// run runs one task in the slot that fetch took for it, and frees the slot.
func (l *runner) run(tasks context.Context, id uuid.UUID) {
	ctx, cancel := context.WithTimeout(tasks, l.Deadline)
	l.running.Add(1)
	defer func() {
		if cause := recover(); cause != nil {
			l.log.ErrorContext(ctx, "task panicked", "id", id, "error", apperr.Panicked(cause), "stack", string(debug.Stack()))
		}
		cancel()
		l.running.Add(-1)
		<-l.slots
	}()
	if err := l.Handle(ctx, id); err != nil {
		l.log.ErrorContext(ctx, "task failed", "id", id, "error", err)
	}
}
