package app

import (
	"context"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/ops/ledger"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/internal/worker"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// mailDeadline bounds one attempt to deliver a mail, beyond the mailer's own time-outs.
const mailDeadline = time.Minute

// tasks are the kinds of background work, one line each, for the worker and for the sweeper.
func (a *App) tasks() []worker.Task {
	return []worker.Task{
		{Name: queue.Generate, Kind: a.renderer, Slots: a.cfg.GenerateSlots, Deadline: a.cfg.GenerateDeadline},
		{Name: queue.Reply, Kind: a.replier, Slots: a.cfg.ReplySlots, Deadline: a.cfg.ReplyDeadline},
		{Name: queue.Mail, Kind: a.mailer, Slots: a.cfg.MailSlots, Deadline: mailDeadline},
	}
}

func (a *App) startWorker() (*queue.Consumers, error) {
	return worker.Start(a.queue, worker.Config{
		Events: a.hub, Log: a.environment.Log, Trace: a.tracing.Task, Observe: a.observeTask,
	}, a.tasks())
}

// observeTask reports the end of an attempt to the metrics and the log. A failure is reported where its cause is known.
func (a *App) observeTask(ctx context.Context, kind queue.Kind, outcome task.Outcome, took time.Duration) {
	a.metrics.Task(string(kind), string(outcome), took)
	a.environment.Log.InfoContext(ctx, "task", tracecontext.Kind, string(kind), tracecontext.Outcome, string(outcome),
		"duration", took)
}

func (a *App) sweeper() *worker.Sweeper {
	ledgerCheck := ledger.NewCollector(a.ledger.CheckNewest, time.Now)
	a.meters.MustRegister(ledgerCheck)
	return &worker.Sweeper{
		Queue: a.queue, Exclusive: a.store.Exclusive, Now: a.store.Queries().DatabaseNow, Log: a.environment.Log,
		Observe: a.metrics.Sweep,
		Tasks:   a.tasks(),
		Chores: []func(context.Context) error{
			a.auth.Maintain, a.account.EraseDue,
			a.sweepAssets,
			func(ctx context.Context) error { return idempotency.Expire(ctx, a.store, a.environment.Now()) },
			a.safety.Expire,
			ledgerCheck.Check,
		},
	}
}

func (a *App) observeRefusedSweep(bucket string, reason assets.RefusedSweep) {
	a.metrics.RefusedSweep(bucket, string(reason))
}

// sweepAssets goes by the database's clock: by one of our own that is minutes ahead, a picture that was stored just now, and
// whose row is about to be written, would look like an orphan.
func (a *App) sweepAssets(ctx context.Context) error {
	now, err := a.store.Queries().DatabaseNow(ctx)
	if err != nil {
		return fmt.Errorf("read the database's clock: %w", err)
	}
	return a.assets.Sweep(ctx, now)
}
