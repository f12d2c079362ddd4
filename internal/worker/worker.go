// Package worker runs background work: it connects the kinds of package task with the queue that carries their ids, and
// sweeps up what the queue loses.
//
// # How to add a kind of task
//
//  1. Give it a table, or columns of one, by a migration: status, attempt, lease_token, lease_until, run_at, pushed_at and
//     pushes, with an index on what waits and one on what is leased (see outbox_mails).
//  2. Write its queries in sql/<kind>s.sql after those of sql/mails.sql: claim, renew, the writes that end an attempt,
//     mark due, unmark, expire. Every write of an attempt names the fencing token.
//  3. Implement [task.Kind] and [task.Attempt] in the domain, as package outbox does in one file and a half. The domain's
//     error classifier says what is worth another attempt; leases, retries, drains and panics are the runner's.
//  4. Name the kind in platform/queue (the list in Redis and the label of metrics) and add one line to tasks() in
//     internal/app/worker.go: its slots and its deadline.
//  5. Add the kind to the tables of labels in docs/operations.md, and to the backlog's query if operators should see it.
//
// TestRunner_… in package task proves the life of an attempt for all kinds; what is left to test is what the kind itself
// writes, against a real Postgres.
package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// Task is a kind of work with its limits in this process.
type Task struct {
	Name     queue.Kind
	Kind     task.Kind
	Slots    int           // how many attempts run at once, at least 1
	Deadline time.Duration // of each attempt
}

// Config is what the attempts of all tasks share.
type Config struct {
	Events task.Subscriber // of control messages
	Log    *slog.Logger
	// Trace begins a trace around an attempt; nil: not traced.
	Trace func(run Run) Run
	// Observe takes what came of each attempt; nil: not observed.
	Observe func(ctx context.Context, kind queue.Kind, outcome task.Outcome, took time.Duration)
}

// Run makes one attempt on the row with an id. The row decides whether there is anything to do, so an id may come twice.
type Run = func(ctx context.Context, id uuid.UUID) error

// Start consumes tasks until the returned consumers are drained.
func Start(q *queue.Queue, cfg Config, tasks []Task) (*queue.Consumers, error) {
	consumers := make(map[queue.Kind]queue.Consumer, len(tasks))
	for _, t := range tasks {
		runner := &task.Runner{Kind: t.Kind, Name: t.Name, Events: cfg.Events, Log: cfg.Log, Observe: cfg.Observe}
		run := runner.Run
		if cfg.Trace != nil {
			run = cfg.Trace(run)
		}
		consumers[t.Name] = queue.Consumer{Slots: t.Slots, Deadline: t.Deadline, Handle: run}
	}
	running, err := q.Consume(consumers)
	if err != nil {
		return nil, fmt.Errorf("start worker: %w", err)
	}
	return running, nil
}
