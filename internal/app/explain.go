package app

import (
	"context"
	"time"

	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/worker"
)

// JobExplainer tells where a job stands, for the command line.
func (a *App) JobExplainer() *jobs.Explainer {
	return jobs.NewExplainer(jobs.ExplainerDeps{
		Store: a.store, Limits: a.jobLimits(), BreakerOpen: a.breakerOpen,
		RepushAfter: func(ctx context.Context) (time.Duration, error) {
			return worker.RepushAfter(ctx, a.queue, queue.Generate)
		},
	})
}

func (a *App) jobLimits() jobs.Limits {
	return jobs.Limits{UserJobs: a.cfg.UserJobs, ProviderCalls: a.cfg.ProviderMaxCalls, MaxAge: a.cfg.JobMaxAge}
}
