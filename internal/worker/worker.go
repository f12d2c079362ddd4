// Package worker is edge 2: it connects the queue's kinds of tasks to the domains that do them. A handler hands an id
// to a service; what became of it stands in the row, so there is nothing to translate back.
package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

// Handler does one task. Rows decide whether there is anything to do, so a task may come twice.
type Handler func(ctx context.Context, id uuid.UUID) error

// Task is a kind of work with its limits in this process.
type Task struct {
	Kind     queue.Kind
	Slots    int           // how many run at once
	Deadline time.Duration // of each
	Handle   Handler
}

// Start consumes tasks until the returned consumers are drained.
func Start(q *queue.Queue, tasks []Task) (*queue.Consumers, error) {
	consumers := make(map[queue.Kind]queue.Consumer, len(tasks))
	for _, t := range tasks {
		consumers[t.Kind] = queue.Consumer{Slots: t.Slots, Deadline: t.Deadline, Handle: t.Handle}
	}
	running, err := q.Consume(consumers)
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	return running, nil
}
