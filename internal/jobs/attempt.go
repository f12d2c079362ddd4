package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// errNoProvider says that no provider is set up for the job's model any more.
var errNoProvider = errors.New("jobs: no provider for the model")

// attempt is a claimed job. It implements [task.Attempt].
type attempt struct {
	renderer *Renderer
	job      db.Job
	prompt   db.Prompt
	expiry   time.Time
	pictures *pictures

	allowed *safety.Approval      // nil: moderation has not allowed it
	result  providers.ImageResult // of a drawing that succeeded
}

var _ task.Attempt = (*attempt)(nil)

// newAttempt returns the attempt of a job that has just been claimed.
func newAttempt(r *Renderer, row db.JobClaimRow) *attempt {
	a := &attempt{renderer: r, job: row.Job, prompt: row.Prompt, pictures: &pictures{renderer: r, job: row.Job}}
	// The job's age is measured by the database's clock alone, since this machine's may be wrong.
	claimed := a.job.LeaseUntil.Add(-r.Lease)
	a.expiry = time.Now().Add(r.Limits.maxAge() - claimed.Sub(a.job.QueuedAt))
	return a
}

// Row implements [task.Attempt].
func (a *attempt) Row() task.Row {
	return task.Row{
		Name: tracecontext.JobID, ID: a.job.ID, Noun: "job", UserID: &a.job.UserID, Attempt: a.job.Attempt,
		Origin:  tracecontext.Origin{RequestID: a.job.RequestID, Traceparent: a.job.Traceparent},
		Control: controlTopic(a.job.ID), Expiry: a.expiry,
	}
}

// Renew implements [task.Attempt].
func (a *attempt) Renew(ctx context.Context) (ours bool, err error) {
	rows, err := a.renderer.Store.Queries().JobRenew(ctx, db.JobRenewParams{
		ID: a.job.ID, LeaseToken: a.job.LeaseToken, LeaseSeconds: a.renderer.Lease.Seconds(),
	})
	return rows == 1, err
}

// Handle implements [task.Attempt]: an event that tells that the job has moved on without this attempt, such as a cancel,
// ends it at once. Events of earlier attempts may come late and mean nothing.
func (a *attempt) Handle(event []byte) error {
	var v View
	isReadable := json.Unmarshal(event, &v) == nil
	isOurs := v.Job.Status == "running" && v.Job.LeaseToken == a.job.LeaseToken
	if isReadable && v.Job.Version >= a.job.Version && !isOurs {
		return task.ErrLeaseLost
	}
	return nil
}

// Work implements [task.Attempt]: it draws. The pictures of a drawing that failed, or panicked, are removed.
func (a *attempt) Work(ctx context.Context) error {
	drawn := false
	defer func() {
		a.pictures.retract()
		if !drawn {
			cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), task.SettleTimeout)
			defer cancel()
			a.pictures.discard(cleaning)
		}
	}()
	a.pictures.begin(ctx)
	err := a.draw(ctx)
	drawn = err == nil
	return err
}

// draw takes the attempt through its stages.
func (a *attempt) draw(ctx context.Context) error {
	r, job := a.renderer, a.job
	image, vendorModel, ok := r.Models(job.Model)
	if !ok {
		return errNoProvider
	}
	references, err := r.references(ctx, job.UserID, a.prompt)
	if err != nil {
		return err
	}
	words := r.words(ctx, a.prompt)
	if err := a.moderate(ctx, words, references); err != nil {
		return err
	}
	if err := a.pictures.stage(ctx, "generating", 10); err != nil {
		return err
	}
	a.result, err = image.Generate(ctx, providers.ImageRequest{
		JobID: job.ID, Model: vendorModel, Mode: job.Mode, Platform: job.Platform, Quality: job.Quality,
		Width: int(job.Width), Height: int(job.Height), Variants: int(job.Variants), Seed: job.Seed,
		Prompt: words, References: references,
	}, a.pictures)
	if err != nil {
		return fmt.Errorf("generate: %w", err)
	}
	return a.pictures.complete()
}

// decision returns the entry of the audit log that goes with the end of an attempt that moderation allowed; null: none.
func (a *attempt) decision() (id *uuid.UUID, meta json.RawMessage) {
	if a.allowed == nil {
		return nil, nil
	}
	return &a.allowed.ID, a.allowed.Meta
}

// Abandon implements [task.Attempt]: it records that moderation allowed the attempt, since no write of its end did.
func (a *attempt) Abandon(ctx context.Context) {
	if a.allowed == nil {
		return
	}
	r := a.renderer
	if err := r.Safety.RecordApproval(ctx, a.job.UserID, *a.allowed); err != nil {
		r.Log.ErrorContext(ctx, "decision not recorded", "job_id", a.job.ID, "decision", string(a.allowed.Meta), "error", err)
	}
}
