package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/apperr"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/store"
)

// succeed writes the end of a job that was drawn: one statement, repeated while Postgres is away for a moment. If the
// lease was lost nothing is written and the pictures go.
func (r *Runner) succeed(ctx context.Context, job db.Job, result providers.ImageResult, to *pictures) error {
	params := db.JobSucceedParams{ID: job.ID, LeaseToken: job.LeaseToken}
	meta, err := json.Marshal(result.Meta)
	if err != nil {
		return fmt.Errorf("encode provider meta: %w", err)
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
	var ended db.JobSucceedRow
	err = persist(ctx, func() (err error) {
		ended, err = r.Store.Queries().JobSucceed(ctx, params)
		return err
	})
	if store.IsNotFound(err) {
		to.discard(ctx)
		return nil
	}
	if err != nil {
		return fmt.Errorf("end job: %w", err)
	}
	views, err := withRenders(ctx, r.Store.Queries(), []db.Job{db.Job(ended)})
	if err != nil {
		return err
	}
	publish(ctx, r.Events, r.Log, views[0])
	return nil
}

// giveUpOrRetry ends or repeats a job whose attempt failed, by what the failure is worth.
func (r *Runner) giveUpOrRetry(ctx context.Context, job db.Job, attemptErr error) error {
	v := judge(attemptErr)
	r.Log.WarnContext(ctx, "attempt failed", "job_id", job.ID, "attempt", job.Attempt, "code", v.failure.code,
		"retry", v.retry, "error", attemptErr)
	if v.retry && job.Attempt < MaxAttempts {
		return r.retry(ctx, job, v.failure, max(v.after, r.Backoff(job.Attempt)), false)
	}
	return r.fail(ctx, job, v.failure)
}

// retry puts a job back in the queue. released: the attempt does not count, since it was our own doing.
func (r *Runner) retry(ctx context.Context, job db.Job, why failure, delay time.Duration, released bool) error {
	params := db.JobRetryParams{
		ID: job.ID, LeaseToken: job.LeaseToken, DelaySeconds: delay.Seconds(), Released: released,
	}
	if why.code != "" {
		params.ErrorCode, params.ErrorMessage = &why.code, &why.message
	}
	var waiting db.JobRetryRow
	err := persist(ctx, func() (err error) {
		waiting, err = r.Store.Queries().JobRetry(ctx, params)
		return err
	})
	if store.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("put job back: %w", err)
	}
	publish(ctx, r.Events, r.Log, View{Job: db.Job(waiting)})
	return nil
}

// fail ends a job without a result and gives its credits back.
func (r *Runner) fail(ctx context.Context, job db.Job, why failure) error {
	return end(ctx, r.Store.Queries(), r, db.JobEndParams{
		ID: job.ID, LedgerID: r.NewID(), Status: "failed", ErrorCode: &why.code, ErrorMessage: &why.message,
		LeaseToken: &job.LeaseToken,
	})
}

func end(ctx context.Context, q *db.Queries, r *Runner, params db.JobEndParams) error {
	var ended db.JobEndRow
	err := persist(ctx, func() (err error) {
		ended, err = q.JobEnd(ctx, params)
		return err
	})
	if store.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("end job: %w", err)
	}
	publish(ctx, r.Events, r.Log, View{Job: db.Job(ended)})
	return nil
}

// persist repeats a write while Postgres is away for a moment. The writes that it is given are fenced, so that a repeat
// after a lost answer finds no row.
func persist(ctx context.Context, write func() error) error {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		err := write()
		if err == nil || apperr.From(err).Kind != apperr.Unavailable {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}
