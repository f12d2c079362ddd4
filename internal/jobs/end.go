package jobs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// Complete implements [task.Attempt]: one statement writes the end of a job that was drawn. Where the lease was lost
// nothing is written, and the pictures are removed.
func (a *attempt) Complete(ctx context.Context) (task.Outcome, error) {
	r, job := a.renderer, a.job
	params := db.JobSucceedParams{
		ID: job.ID, LeaseToken: job.LeaseToken, DecisionID: a.allowed.ID, DecisionMeta: a.allowed.Meta,
	}
	meta, err := json.Marshal(a.result.Meta)
	if err != nil {
		return task.Unwritten, fmt.Errorf("encode provider meta: %w", err)
	}
	params.ProviderMeta = meta
	for i := range job.Variants {
		p := a.pictures.stored[i]
		params.AssetIds = append(params.AssetIds, p.assetID)
		params.RenderIds = append(params.RenderIds, r.NewID())
		params.Variants = append(params.Variants, i+1)
		params.StoragePaths = append(params.StoragePaths, p.path)
		params.ContentTypes = append(params.ContentTypes, p.contentType)
		params.Sizes = append(params.Sizes, p.size)
		params.Widths = append(params.Widths, p.width)
		params.Heights = append(params.Heights, p.height)
		params.Md5s = append(params.Md5s, p.md5)
	}
	row, err := r.Store.Queries().JobSucceed(ctx, params)
	if postgres.IsNotFound(err) {
		a.pictures.discard(ctx)
	}
	if err != nil {
		return task.Unwritten, err
	}
	ended := succeeded(job, row, params.ProviderMeta)
	ended.VariantsBegun = a.pictures.begun
	publish(ctx, r.Events, r.Log, View{Job: ended, Renders: written(ended, params)})
	r.waitList.wake(ctx, capacityFreed{
		userID: job.UserID, provider: job.Provider, account: row.AccountWaits, slot: row.ProviderWaits,
	})
	return task.Succeeded, nil
}

// succeeded returns what JobSucceed has made of a claimed job, without reading what only this attempt could change.
func succeeded(job db.Job, row db.JobSucceedRow, meta json.RawMessage) db.Job {
	job.Status, job.Stage, job.Progress, job.ProviderMeta = "succeeded", "done", 100, meta
	job.FinishedAt, job.LeaseUntil, job.Version = row.FinishedAt, nil, row.Version
	job.PushedAt, job.Pushes = row.PushedAt, row.Pushes
	return job
}

// written returns the renders that JobSucceed has written, without reading them.
func written(job db.Job, p db.JobSucceedParams) []Render {
	renders := make([]Render, len(p.AssetIds))
	for i := range renders {
		renders[i] = Render{
			Render: db.Render{
				ID: p.RenderIds[i], JobID: job.ID, Variant: p.Variants[i], AssetID: p.AssetIds[i], CreatedAt: *job.FinishedAt,
			},
			Asset: db.Asset{
				ID: p.AssetIds[i], UserID: &job.UserID, Type: assets.Render, Status: "ready", Bucket: storage.BucketRenders,
				StoragePath: p.StoragePaths[i], ContentType: p.ContentTypes[i], SizeBytes: p.Sizes[i], Width: &p.Widths[i],
				Height: &p.Heights[i], MD5: &p.Md5s[i], CreatedAt: *job.FinishedAt, UpdatedAt: *job.FinishedAt,
			},
		}
	}
	return renders
}

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
