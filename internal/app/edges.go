package app

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/httpapi/handler"
	"github.com/mugshot-studio/backend/internal/ops/ledger"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/worker"
)

// Edge is the public handler, for Run and for tests that need no listener.
func (a *App) Edge() (*edge.Edge, error) {
	cfg := a.cfg
	mount := map[string]http.Handler{}
	if handler, ok := a.objects.(http.Handler); ok { // the development storage answers for itself
		mount[storagePath] = handler
	}
	return edge.New(edge.Config{
		BasePath: cfg.BasePath, Log: a.environment.Log, Now: a.environment.Now, NewID: a.environment.NewID,
		Authenticate: func(ctx context.Context, token string) (edge.Principal, error) {
			principal, err := a.auth.Authenticate(ctx, token)
			return edge.Principal(principal), err
		},
		Limiter: limiter{counters: a.counters, factor: cfg.RateLimitFactor, budgets: budgets()}, Ready: a.checks(),
		TrustedProxies: cfg.TrustedProxies, AllowedOrigins: cfg.AllowedOrigins, Mount: mount, HSTS: cfg.InProduction(),
		Observe: a.observeRequest, Trace: a.tracing.Requests(),
	}, handler.New(handler.Services{
		Auth: a.auth, Account: a.account, Assets: a.assets, Credits: a.credits, Projects: a.projects, Jobs: a.jobs,
		Chats: a.chats, Catalog: a.catalog, CSRF: a.csrf, BasePath: cfg.BasePath, AppURL: cfg.PublicAppURL,
		CSRFDomain: cfg.CSRFCookieDomain,
	}))
}

// mailDeadline bounds one delivery, beyond the mailer's own time-outs.
const mailDeadline = time.Minute

func (a *App) startWorker() (*queue.Consumers, error) {
	return worker.Start(a.queue, []worker.Task{
		{Kind: queue.Generate, Slots: a.cfg.GenerateSlots, Deadline: a.cfg.GenerateDeadline, Handle: a.tracing.Task(a.runner.Run)},
		{Kind: queue.Reply, Slots: a.cfg.ReplySlots, Deadline: a.cfg.ReplyDeadline, Handle: a.tracing.Task(a.replier.Run)},
		{Kind: queue.Mail, Slots: a.cfg.MailSlots, Deadline: mailDeadline, Handle: a.tracing.Task(a.mailer.Deliver)},
	})
}

func (a *App) sweeper() *worker.Sweeper {
	ledgerCheck := ledger.NewCollector(a.ledger.CheckNewest, time.Now)
	a.meters.MustRegister(ledgerCheck)
	return &worker.Sweeper{
		Queue: a.queue, Exclusive: a.store.Exclusive, Now: a.store.Queries().DatabaseNow, Log: a.environment.Log,
		Observe: a.metrics.Sweep,
		Tasks:   map[queue.Kind]worker.Recoverable{queue.Generate: a.runner, queue.Reply: a.replier, queue.Mail: a.mailer},
		Chores: []func(context.Context) error{
			a.auth.Maintain, a.account.EraseDue,
			a.sweepAssets,
			func(ctx context.Context) error { return idempotency.Expire(ctx, a.store, a.environment.Now()) },
			a.safety.Expire,
			ledgerCheck.Check,
		},
	}
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
