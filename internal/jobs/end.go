package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/providers"
)

// succeed writes the end of a job that was drawn: one statement, repeated while Postgres is away for a moment. If the
// lease was lost nothing is written and the pictures go.
func (r *Runner) succeed(ctx context.Context, a *attempt, result providers.ImageResult, to *pictures) (Outcome, error) {
	job := a.job
	params := db.JobSucceedParams{
		ID: job.ID, LeaseToken: job.LeaseToken, DecisionID: a.allowed.ID, DecisionMeta: a.allowed.Meta,
	}
	meta, err := json.Marshal(result.Meta)
	if err != nil {
		return Unwritten, fmt.Errorf("encode provider meta: %w", err)
	}
	params.ProviderMeta = meta
	for i := range job.Variants {
		p := to.stored[i]
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
	var row db.JobSucceedRow
	err = postgres.Persist(ctx, func() (err error) {
		row, err = r.Store.Queries().JobSucceed(ctx, params)
		return err
	})
	if postgres.IsNotFound(err) {
		to.discard(ctx)
		return Lost, nil
	}
	if err != nil {
		return Unwritten, fmt.Errorf("end job: %w", err)
	}
	ended := succeeded(job, row, params.ProviderMeta)
	publish(ctx, r.Events, r.Log, View{Job: ended, Renders: written(ended, params)})
	r.line.advance(ctx, freed{userID: job.UserID, provider: job.Provider, place: row.AccountWaits, slot: row.ProviderWaits})
	return Succeeded, nil
}

// succeeded is what JobSucceed has made of a claimed job, without asking for what nobody else changes.
func succeeded(job db.Job, row db.JobSucceedRow, meta json.RawMessage) db.Job {
	job.Status, job.Stage, job.Progress, job.ProviderMeta = "succeeded", "done", 100, meta
	job.FinishedAt, job.LeaseUntil, job.Version = row.FinishedAt, nil, row.Version
	job.PushedAt, job.Pushes = row.PushedAt, row.Pushes
	return job
}

// written is what JobSucceed has written of a job's pictures, without asking for it.
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

// giveUpOrRetry ends or repeats a job whose attempt failed, by what the failure is worth. A job that could not begin
// another attempt before its expiry need not wait for it. An attempt whose vendor was not asked does not count.
func (r *Runner) giveUpOrRetry(ctx context.Context, a *attempt, attemptErr error, expiry time.Time) (Outcome, error) {
	job, v := a.job, judge(attemptErr)
	delay, as := max(v.after, r.Backoff(job.Attempt)), Retried
	if v.held {
		delay, as = v.after+r.Backoff(1), Released // spread a little: many may have been held at once
	}
	again := v.retry && (v.held || job.Attempt < MaxAttempts) && time.Until(expiry) > delay
	level, message := slog.LevelWarn, "attempt failed"
	if !again && !v.failure.byOwner() {
		level, message = slog.LevelError, "job given up"
	}
	r.Log.Log(ctx, level, message, "job_id", job.ID, "attempt", job.Attempt, "code", v.failure.code, "retry", again,
		"error", attemptErr)
	if again {
		return r.retry(ctx, a, v.failure, delay, as)
	}
	return r.fail(ctx, a, v.failure)
}

// retry puts a job back in the queue, Retried or Released: then the attempt does not count, since it was our own doing.
func (r *Runner) retry(ctx context.Context, a *attempt, why failure, delay time.Duration, as Outcome) (Outcome, error) {
	params := db.JobRetryParams{
		ID: a.job.ID, LeaseToken: a.job.LeaseToken, DelaySeconds: delay.Seconds(), Released: as == Released,
	}
	params.DecisionID, params.DecisionMeta = a.decision()
	if why.code != "" {
		params.ErrorCode, params.ErrorMessage = &why.code, &why.message
	}
	var row db.JobRetryRow
	err := postgres.Persist(ctx, func() (err error) {
		row, err = r.Store.Queries().JobRetry(ctx, params)
		return err
	})
	if postgres.IsNotFound(err) {
		return Lost, nil
	}
	if err != nil {
		return Unwritten, fmt.Errorf("put job back: %w", err)
	}
	waiting, freed := left(db.JobEndRow(row))
	publish(ctx, r.Events, r.Log, View{Job: waiting})
	r.line.advance(ctx, freed)
	return as, nil
}

// fail ends a job without a result and gives its credits back.
func (r *Runner) fail(ctx context.Context, a *attempt, why failure) (Outcome, error) {
	params := db.JobEndParams{
		ID: a.job.ID, LedgerID: r.NewID(), Status: "failed", ErrorCode: &why.code, ErrorMessage: &why.message,
		LeaseToken: &a.job.LeaseToken,
	}
	params.DecisionID, params.DecisionMeta = a.decision()
	return r.end(ctx, params)
}

func (r *Runner) end(ctx context.Context, params db.JobEndParams) (Outcome, error) {
	var row db.JobEndRow
	err := postgres.Persist(ctx, func() (err error) {
		row, err = r.Store.Queries().JobEnd(ctx, params)
		return err
	})
	if postgres.IsNotFound(err) {
		return Lost, nil
	}
	if err != nil {
		return Unwritten, fmt.Errorf("end job: %w", err)
	}
	ended, freed := left(row)
	r.OnBalanceChange.Observe(credits.JobRefund, ended.CostCredits)
	publish(ctx, r.Events, r.Log, View{Job: ended})
	r.line.advance(ctx, freed)
	return Failed, nil
}
