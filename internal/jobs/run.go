package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/lease"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
)

// ImageModels finds who draws for a model of the catalog, and the vendor's own name of the model.
type ImageModels func(modelID string) (image providers.Image, vendorModel string, ok bool)

// RunnerDeps are what a Runner stands on.
type RunnerDeps struct {
	Store           *postgres.Store
	Models          ImageModels
	Assets          *assets.Service
	Objects         storage.Store
	Safety          *safety.Service
	Events          Events
	NewID           func() uuid.UUID
	Log             *slog.Logger
	Push            Push // for jobs that may go when another one ends
	Limits          Limits
	OnBalanceChange credits.BalanceObserver
	// Lease is how long a silent worker is believed to be alive; it is renewed at a third of that.
	Lease time.Duration
	// ShowAfter is how long a stage has to last before readers are told of it; 0: they are told of all.
	ShowAfter time.Duration
	// Backoff is how long to wait before attempt+1, where the vendor did not say; nil: Backoff.
	Backoff func(attempt int32) time.Duration
	// Observe takes what came of each attempt, for metrics and the log; nil: nobody does.
	Observe func(ctx context.Context, outcome Outcome, took time.Duration)
}

// Outcome is what came of an attempt.
type Outcome string

// The outcomes.
const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"   // for good
	Retried   Outcome = "retried"  // put back, to be tried again
	Released  Outcome = "released" // put back by a worker that stops, or before its vendor was asked
	Lost      Outcome = "lost"     // cancelled, or taken over by another worker
	Unwritten Outcome = "error"    // its end could not be written; the sweeper takes it up
)

// Runner draws jobs, in a worker.
type Runner struct {
	RunnerDeps
	line      line
	unblocked atomic.Pointer[uuid.UUID] // up to which account the sweeper has looked
}

// NewRunner returns a runner.
func NewRunner(d RunnerDeps) *Runner {
	if d.Backoff == nil {
		d.Backoff = Backoff
	}
	if d.Observe == nil {
		d.Observe = func(context.Context, Outcome, time.Duration) {}
	}
	r := &Runner{RunnerDeps: d, line: line{store: d.Store, push: d.Push, log: d.Log, limits: d.Limits}}
	r.unblocked.Store(new(uuid.UUID))
	return r
}

// settleTimeout bounds the writes that end an attempt, which go on when the attempt's own context has ended.
const settleTimeout = 10 * time.Second

// Run draws a job if it can be claimed; otherwise somebody else has it or it has ended, and there is nothing to do, or
// its provider takes no more, and it waits. The job's row tells how it went, so an error means only that the row could
// not be written; the sweeper takes it up then.
func (r *Runner) Run(ctx context.Context, id uuid.UUID) error {
	claimed, err := r.Store.Queries().JobClaim(ctx, db.JobClaimParams{
		ID: id, LeaseSeconds: r.Lease.Seconds(), MaxAttempts: MaxAttempts, ProviderCalls: r.Limits.ProviderCalls,
	})
	if postgres.IsNotFound(err) {
		return r.line.join(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("claim job: %w", err)
	}
	a, begun := attemptOf(claimed), time.Now()
	job := a.job
	ctx, end := tracecontext.Resume(tracecontext.With(ctx, tracecontext.UserID, job.UserID.String()),
		tracecontext.Origin{RequestID: job.RequestID, Traceparent: job.Traceparent}, string(queue.Generate), tracecontext.JobID, job.ID.String())
	pictures := &pictures{runner: r, job: job}
	pictures.begin(ctx)

	held, release := r.hold(ctx, job)
	result, err := r.draw(held, a, pictures)
	pictures.quiet()
	cause := context.Cause(held)
	release()

	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	outcome := Lost
	defer func() { end(string(outcome)) }()
	switch {
	case err == nil:
		outcome, err = r.succeed(settling, a, result, pictures)
	case errors.Is(cause, lease.ErrLost):
		pictures.discard(settling)
		err = nil
	case errors.Is(cause, queue.ErrDraining):
		pictures.discard(settling)
		outcome, err = r.retry(settling, a, failure{}, 0, Released)
	default:
		pictures.discard(settling)
		outcome, err = r.giveUpOrRetry(settling, a, err, r.expiry(job, begun))
	}
	if outcome == Lost {
		r.keepDecision(settling, a)
	}
	r.Observe(ctx, outcome, time.Since(begun))
	return err
}

// expiry is until when a job may begin another attempt. Its age is measured by the database's clock alone, since ours
// may be wrong.
func (r *Runner) expiry(job db.Job, claimed time.Time) time.Time {
	byDatabase := job.LeaseUntil.Add(-r.Lease)
	return claimed.Add(r.Limits.maxAge() - byDatabase.Sub(job.QueuedAt))
}

// draw takes an attempt through its stages. A panic of a provider is an error like any other.
func (r *Runner) draw(ctx context.Context, a *attempt, to *pictures) (result providers.ImageResult, err error) {
	job := a.job
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("draw: %w", apperr.Panicked(p))
			r.Log.ErrorContext(ctx, "panic while drawing", "job_id", job.ID, "error", err, "stack", string(debug.Stack()))
		}
	}()
	image, vendorModel, ok := r.Models(job.Model)
	if !ok {
		return result, errNobodyDraws
	}
	references, err := r.references(ctx, job.UserID, a.prompt)
	if err != nil {
		return result, err
	}
	words := r.words(ctx, a.prompt)
	if err := r.moderate(ctx, a, words, references, to); err != nil {
		return result, err
	}
	if err := to.stage(ctx, "generating", 10); err != nil {
		return result, err
	}
	result, err = image.Generate(ctx, providers.ImageRequest{
		JobID: job.ID, Model: vendorModel, Mode: job.Mode, Platform: job.Platform, Quality: job.Quality,
		Width: int(job.Width), Height: int(job.Height), Variants: int(job.Variants), Seed: job.Seed,
		Prompt: words, References: references,
	}, to)
	if err != nil {
		return result, fmt.Errorf("generate: %w", err)
	}
	return result, to.complete()
}
