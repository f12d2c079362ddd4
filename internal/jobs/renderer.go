package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/safety"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// ImageModels finds the provider of a model of the catalog, and the vendor's own name of the model.
type ImageModels func(modelID string) (image providers.Image, vendorModel string, ok bool)

// RendererDeps are what a [Renderer] needs. All are required, but for those that say what their zero value means.
type RendererDeps struct {
	Store           *postgres.Store
	Models          ImageModels
	Assets          *assets.Service
	Objects         storage.Store
	Safety          *safety.Service
	Events          Events
	NewID           func() uuid.UUID
	Log             *slog.Logger
	Enqueue         Enqueue // of jobs that may begin when another one ends
	Limits          Limits
	OnBalanceChange credits.BalanceObserver
	// Lease is how long a silent worker counts as alive; see [task.Policy].
	Lease time.Duration
	// ShowAfter is how long a stage has to last before readers hear of it; 0: they hear of all.
	ShowAfter time.Duration
	// Backoff is how long to wait after an attempt where the vendor did not say; nil: up to 2 s, doubling up to a minute.
	Backoff func(attempt int32) time.Duration
}

// Renderer draws jobs, in a worker. It implements [task.Kind].
type Renderer struct {
	RendererDeps
	waitList  waitList
	unblocked atomic.Pointer[uuid.UUID] // the account up to which the sweeper has looked for stalled jobs

	// Statements for several jobs.
	claims     *postgres.Together[uuid.UUID, db.JobClaimRow]
	beginnings *postgres.Together[beginning, uuid.UUID]
	successes  *postgres.Together[success, db.JobSucceedRow]
}

var _ task.Kind = (*Renderer)(nil)

// NewRenderer returns a renderer.
func NewRenderer(d RendererDeps) *Renderer {
	if d.Backoff == nil {
		d.Backoff = task.FullJitter(backoffBase, backoffMax)
	}
	r := &Renderer{RendererDeps: d, waitList: waitList{store: d.Store, enqueue: d.Enqueue, log: d.Log, limits: d.Limits}}
	r.beginnings = postgres.NewTogether(r.beginAll, beginning.job, beginning.job, sameID)
	r.claims = postgres.NewTogether(r.claimAll, sameID, sameID, func(row db.JobClaimRow) uuid.UUID { return row.Job.ID })
	r.successes = postgres.NewTogether(r.succeedAll, success.jobID, success.jobID, func(row db.JobSucceedRow) uuid.UUID { return row.ID })
	r.unblocked.Store(new(uuid.UUID))
	return r
}

// Policy implements [task.Kind].
func (r *Renderer) Policy() task.Policy {
	return task.Policy{Lease: r.Lease, MaxAttempts: MaxAttempts, Backoff: r.Backoff}
}

// Claim implements [task.Kind]. A job whose provider has no free slot is parked until one is free.
func (r *Renderer) Claim(ctx context.Context, id uuid.UUID) (task.Attempt, error) {
	row, err := r.claims.One(ctx, id)
	if postgres.IsNotFound(err) {
		return nil, r.waitList.waitForProvider(ctx, id)
	}
	if err != nil {
		return nil, fmt.Errorf("claim job: %w", err)
	}
	return newAttempt(r, row), nil
}

// claimAll claims jobs, in one statement.
func (r *Renderer) claimAll(ctx context.Context, ids []uuid.UUID) ([]db.JobClaimRow, error) {
	return r.Store.Queries().JobClaim(ctx, db.JobClaimParams{
		Ids: ids, LeaseSeconds: r.Lease.Seconds(), MaxAttempts: MaxAttempts, ProviderCalls: r.Limits.ProviderCalls,
	})
}

func sameID(id uuid.UUID) uuid.UUID { return id }
