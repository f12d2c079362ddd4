package jobs

import (
	"context"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// Retry implements [task.Attempt]: it puts the job back to wait.
func (a *attempt) Retry(ctx context.Context, how task.Retry) error {
	r := a.renderer
	params := db.JobRetryParams{
		ID: a.job.ID, LeaseToken: a.job.LeaseToken, DelaySeconds: how.Delay.Seconds(), Released: how.Released,
	}
	params.DecisionID, params.DecisionMeta = a.decision()
	if how.Code != "" {
		params.ErrorCode, params.ErrorMessage = &how.Code, &how.Message
	}
	row, err := r.Store.Queries().JobRetry(ctx, params)
	if err != nil {
		return err
	}
	publish(ctx, r.Events, r.Log, View{Job: row.Job})
	r.waitList.wake(ctx, capacityFreed{userID: row.Job.UserID, provider: row.Job.Provider, slot: row.ProviderWaits})
	return nil
}

// Fail implements [task.Attempt]: it ends the job without a result and gives its credits back.
func (a *attempt) Fail(ctx context.Context, why task.Decision) error {
	params := db.JobEndParams{
		ID: a.job.ID, LedgerID: a.renderer.NewID(), Status: "failed", ErrorCode: &why.Code, ErrorMessage: &why.Message,
		LeaseToken: &a.job.LeaseToken,
	}
	params.DecisionID, params.DecisionMeta = a.decision()
	return a.renderer.end(ctx, params)
}

// end ends a job without a result, announces it and wakes the jobs that may begin now.
func (r *Renderer) end(ctx context.Context, params db.JobEndParams) error {
	row, err := r.Store.Queries().JobEnd(ctx, params)
	if err != nil {
		return err
	}
	r.OnBalanceChange.Observe(credits.JobRefund, row.Job.RefundedCredits)
	publish(ctx, r.Events, r.Log, View{Job: row.Job})
	r.waitList.wake(ctx, freedBy(row))
	return nil
}
