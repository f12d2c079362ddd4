// Package jobs takes credits for a project and sees to it that the project is drawn: once, or not at all and refunded.
//
// Service is what the API uses, Runner what a worker uses. Both speak to each other through the job's row alone. The
// files follow the life of a job: queue.go, line.go where it waits its turn, run.go with lease.go, moderate.go and pictures.go, end.go,
// cancel.go, and sweep.go for what got lost; follow.go shows it to its owner.
package jobs

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/safety"
)

// MaxAttempts is how often a job is tried before it fails.
const MaxAttempts = 4

// Push tells the workers of a job.
type Push func(ctx context.Context, id uuid.UUID) error

// Service queues, reads, follows and cancels jobs.
type Service struct {
	store           *postgres.Store
	catalog         *catalog.Catalog
	safety          *safety.Service
	events          Events
	line            line
	onBalanceChange credits.BalanceObserver
	now             func() time.Time
	newID           func() uuid.UUID
	log             *slog.Logger
}

// Deps are what a Service stands on.
type Deps struct {
	Store           *postgres.Store
	Catalog         *catalog.Catalog
	Safety          *safety.Service
	Events          Events
	Push            Push
	Limits          Limits
	OnBalanceChange credits.BalanceObserver
	Now             func() time.Time
	NewID           func() uuid.UUID
	Log             *slog.Logger
}

// NewService returns a service.
func NewService(d Deps) *Service {
	return &Service{
		store: d.Store, catalog: d.Catalog, safety: d.Safety, events: d.Events, now: d.Now, newID: d.NewID, log: d.Log,
		line: line{store: d.Store, push: d.Push, log: d.Log, limits: d.Limits}, onBalanceChange: d.OnBalanceChange,
	}
}

// newSeed draws a seed for a job whose project has none. It need not be unpredictable, only different.
func newSeed() int64 { return int64(rand.Int32()) }
