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

// Consumer says how this process runs the tasks of one kind.
type Consumer struct {
	// Slots is how many tasks run at once, at least 1. Idle slots cost nothing. While all are taken, this process fetches
	// no task of the kind and leaves the list to other processes.
	Slots int
	// Deadline is how long one task may run before its context ends.
	Deadline time.Duration
	// Handle runs a task. It may get the same id twice, even at the same time. It must return soon after its context ends;
	// the context's cause is ErrDraining when the process has to stop. An error or panic of Handle is logged and has no
	// other effect.
	Handle func(ctx context.Context, id uuid.UUID) error
}

// ErrDraining is the cause with which handlers' contexts end when [Consumers.Drain] has run out of time, and the error that
// [Consumers.Healthy] returns from the beginning of Drain.
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

// Consume starts to fetch and run tasks. It returns at once, whether Redis is there or not, and fails only where a
// [Consumer] lacks slots, a deadline or a handler. The caller must call [Consumers.Drain] in the end.
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
		Subscribed: func() { // for tasks that were pushed while this process was not subscribed
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

// run runs the fetchers until quit ends, and then waits for the handlers, whose contexts come from tasks.
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

// Drain stops fetching at once and waits for the running tasks until ctx ends. Then it ends their contexts with
// [ErrDraining] and waits Config.Grace for the handlers to return. It fails if some did not return; their leases expire in
// Postgres. It may be called again.
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

// Healthy returns nil while a pushed task would be fetched at once, else why not: [ErrDraining], or that Redis is away.
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
