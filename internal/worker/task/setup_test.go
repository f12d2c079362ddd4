package task_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/logtest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// long bounds waits for what must happen, on a machine however loaded.
const long = 20 * time.Second

// control is the topic of the fixture's control messages.
const control = "row"

var (
	errStop = errors.New("stop")
	errWork = errors.New("work failed")
)

// fixture is a runner of a kind whose behaviour is the test's, with a real hub.
type fixture struct {
	runner *task.Runner
	hub    *events.Hub
	kind   *kind
	log    *logtest.Buffer
	ran    chan task.Outcome
}

func setup(t *testing.T) *fixture {
	t.Helper()
	hub, err := events.Open(events.Config{RedisURL: redistest.URL(t), Namespace: redistest.Namespace(t)}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); hub.Run(running) }()
	t.Cleanup(func() { stop(); <-done; require.NoError(t, hub.Close()) })
	f := &fixture{hub: hub, log: &logtest.Buffer{}, ran: make(chan task.Outcome, 10), kind: &kind{
		policy: task.Policy{Lease: time.Minute, MaxAttempts: 3, Backoff: func(int32) time.Duration { return time.Second }},
		row:    task.Row{Name: tracecontext.JobID, ID: uuid.New(), Noun: "job", Attempt: 1, Control: control},
		renew:  func() (bool, error) { return true, nil }, decision: task.Decision{Code: "busy", Retry: true},
	}}
	f.runner = &task.Runner{
		Kind: f.kind, Name: queue.Generate, Events: hub, Log: slog.New(slog.NewTextHandler(f.log, nil)),
		Observe: func(_ context.Context, _ queue.Kind, outcome task.Outcome, _ time.Duration) { f.ran <- outcome },
	}
	return f
}

// run makes one attempt and returns what came of it.
func (f *fixture) run(t *testing.T) task.Outcome {
	t.Helper()
	return f.runIn(t.Context(), t)
}

func (f *fixture) runIn(ctx context.Context, t *testing.T) task.Outcome {
	t.Helper()
	require.NoError(t, f.runner.Run(ctx, f.kind.row.ID))
	return <-f.ran
}

// kind is both a kind and its only attempt.
type kind struct {
	policy   task.Policy
	row      task.Row
	decision task.Decision
	claimed  error // of Claim; nil: it succeeds

	renew func() (bool, error)
	work  func(ctx context.Context) error
	ends  []error // what the writes that end the attempt return, one after the other; then nil

	retries   []task.Retry
	failures  []task.Decision
	completed int
	abandoned int
}

var (
	_ task.Kind    = (*kind)(nil)
	_ task.Attempt = (*kind)(nil)
)

func (k *kind) Policy() task.Policy { return k.policy }

func (k *kind) Claim(context.Context, uuid.UUID) (task.Attempt, error) {
	if errors.Is(k.claimed, pgx.ErrNoRows) {
		return nil, nil
	}
	return k, k.claimed
}

func (k *kind) Classify(error) task.Decision { return k.decision }

func (k *kind) MarkDue(context.Context, task.Due) ([]uuid.UUID, error) { return nil, nil }
func (k *kind) Unmark(context.Context, []uuid.UUID) error              { return nil }
func (k *kind) Expire(context.Context) (int, error)                    { return 0, nil }

func (k *kind) Row() task.Row                       { return k.row }
func (k *kind) Renew(context.Context) (bool, error) { return k.renew() }
func (k *kind) Work(ctx context.Context) error      { return k.work(ctx) }

func (k *kind) Handle(message []byte) error {
	if string(message) == `"stop"` {
		return errStop
	}
	return nil
}

// end is the next of what writes return.
func (k *kind) end() error {
	if len(k.ends) == 0 {
		return nil
	}
	next := k.ends[0]
	k.ends = k.ends[1:]
	return next
}

func (k *kind) Complete(context.Context) (task.Outcome, error) {
	k.completed++
	return task.Succeeded, k.end()
}

func (k *kind) Retry(_ context.Context, r task.Retry) error {
	k.retries = append(k.retries, r)
	return k.end()
}

func (k *kind) Fail(_ context.Context, d task.Decision) error {
	k.failures = append(k.failures, d)
	return k.end()
}

func (k *kind) Abandon(context.Context) { k.abandoned++ }

// untilItEnds is work that lasts until its context ends, and returns the cause.
func untilItEnds(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(long):
		return errors.New("it was not ended")
	}
}
