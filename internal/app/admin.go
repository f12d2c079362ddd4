package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/ops/admin"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/providers/breaker"
)

// admin is the handler for operators. consumers is nil where the process does not work.
func (a *App) admin(consumers *queue.Consumers, queues http.Handler) http.Handler {
	a.meters.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	depth := func(ctx context.Context, kind string) (int64, error) { return a.queue.Depth(ctx, queue.Kind(kind)) }
	checks := a.checks()
	if consumers != nil {
		checks["worker"] = consumers.Healthy
		a.meters.MustRegister(admin.NewBacklog(a.backlog.Look, depth, a.environment.Log))
	}
	a.meters.MustRegister(admin.NewChecks(checks))
	return admin.New(admin.Config{
		Metrics: a.meters, Look: a.backlog.Look, Depth: depth, Queues: queues, Now: time.Now, Log: a.environment.Log,
		Limits: admin.Limits{UserJobs: int(a.cfg.UserJobs), ProviderCalls: int(a.cfg.ProviderMaxCalls)},
		Ready: func(ctx context.Context) error {
			if err := a.store.Ping(ctx); err != nil || consumers == nil {
				return err
			}
			return consumers.Healthy(ctx)
		},
	})
}

// checks are what every process stands on.
func (a *App) checks() map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"postgres": a.store.Ping, "redis": a.queue.Ping, "storage": a.objects.Ping,
	}
}

func (a *App) observeCall(c breaker.Call) {
	a.metrics.Call(c.Provider, c.Model, c.Outcome, c.Asked, c.Took)
}

func (a *App) observeRequest(_ context.Context, s edge.Served) {
	a.metrics.Request(s.Method, s.Route, s.Status, s.Duration)
}
