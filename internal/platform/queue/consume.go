package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// Consumer says how tasks of one kind are run in this process.
type Consumer struct {
	// Slots is how many run at once, at least 1. Idle slots cost nothing. When all are taken, nothing of the kind is
	// fetched, and what waits is left for other processes.
	Slots int
	// Deadline is how long one task may take before its context ends.
	Deadline time.Duration
	// Handle runs a task. The same id may come twice, even side by side. It must return soon after its context ends, the
	// cause of which is ErrDraining when the process has to stop. Its error or panic is logged and changes nothing else.
	Handle func(ctx context.Context, id uuid.UUID) error
}

// ErrDraining is the cause of the end of a handler's context when Drain has run out of time, and what Healthy returns
// once Drain has begun.
var ErrDraining = errors.New("queue: draining")

// Consumers are the running consumers of a process.
type Consumers struct {
	queue   *Queue
	runners map[Kind]*runner
	bell    *redisconn.Listener

	stop        context.CancelFunc      // ends fetching
	draining    <-chan struct{}         // closed by stop
	cancelTasks context.CancelCauseFunc // ends the handlers' contexts
	done        chan struct{}           // closed when all fetchers and handlers have returned
}

// Consume fetches and runs tasks until Drain is called, which the caller owes it. It begins at once, or as soon as Redis
// is there, and fails only for consumers that can't work.
func (q *Queue) Consume(consumers map[Kind]Consumer) (*Consumers, error) {
	c := &Consumers{queue: q, runners: make(map[Kind]*runner, len(consumers)), done: make(chan struct{})}
	for kind, consumer := range consumers {
		l, err := newRunner(kind, consumer, q.log)
		if err != nil {
			return nil, err
		}
		c.runners[kind] = l
	}
	c.bell = &redisconn.Listener{
		Endpoint: q.endpoint, Channel: q.keys.bell(), Log: q.log,
		Subscribed: func() { // what was pushed while nobody listened
			for _, l := range c.runners {
				l.ring()
			}
		},
		Message: func(kind []byte) {
			if l, ok := c.runners[Kind(kind)]; ok {
				l.ring()
			}
		},
	}
	quit, stop := context.WithCancel(context.Background())
	tasks, cancelTasks := context.WithCancelCause(context.Background())
	c.draining, c.stop, c.cancelTasks = quit.Done(), stop, cancelTasks
	go c.run(quit, tasks)
	return c, nil
}

// run is the life of the consumers.
func (c *Consumers) run(quit, tasks context.Context) {
	defer close(c.done)
	pool := newLibraryPool(quit, c.queue.endpoint.Dial, c.queue.log)
	var fetching, running sync.WaitGroup
	fetching.Go(func() { c.bell.Run(quit) })
	for kind, l := range c.runners {
		fetching.Go(func() {
			l.fetch(quit, func(take func(string)) fetcher {
				return newFetcher(c.queue.cfg.Namespace, pool, kind, take)
			}, func(id uuid.UUID) {
				running.Go(func() { l.run(tasks, id) })
			})
		})
	}
	fetching.Wait()
	if err := pool.Close(); err != nil {
		c.queue.log.Warn("close queue connections", "error", err)
	}
	running.Wait()
}

// Drain stops fetching at once and lets the running tasks end by themselves until ctx ends; then it ends their contexts
// and waits Config.Grace for the handlers to return. It fails if some did not; their claims lapse in Postgres. It may
// be called again.
func (c *Consumers) Drain(ctx context.Context) error {
	c.stop()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
	}
	c.cancelTasks(ErrDraining)
	grace := time.NewTimer(c.queue.cfg.Grace)
	defer grace.Stop()
	select {
	case <-c.done:
		return nil
	case <-grace.C:
		return fmt.Errorf("drain queue: not all returned within %s of grace; running: %v", c.queue.cfg.Grace, c.Running())
	}
}

// Running returns how many tasks of each kind run in this process.
func (c *Consumers) Running() map[Kind]int {
	running := make(map[Kind]int, len(c.runners))
	for kind, l := range c.runners {
		running[kind] = int(l.running.Load())
	}
	return running
}

// Healthy returns why no task would be taken at once, if so: ErrDraining, or that Redis is away.
func (c *Consumers) Healthy(ctx context.Context) error {
	select {
	case <-c.draining:
		return ErrDraining
	default:
	}
	if !c.bell.Live() {
		return errors.New("queue: not subscribed to the doorbell")
	}
	return c.queue.Ping(ctx)
}
