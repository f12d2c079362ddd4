// Package jobs takes credits for a project and has the project drawn: once, or not at all and refunded.
//
// [Service] is for the API, [Renderer] for a worker. They communicate through the job's row; events only announce what the
// row says.
//
// # States
//
// A job is queued, running while a worker has its lease, and then succeeded, failed or canceled, for good. A queued job
// waits for a slot of its account (waits_for = 'account'), for a slot of its provider (waits_for = 'provider'), for the
// time of another attempt (run_at), or for a worker to take its id from the queue.
//
// # Invariants
//
//   - A job is charged in the statement that writes it, and refunded in the statement that ends it without a result. The
//     unique index audit_logs_job_action_key refuses a second charge or refund, whatever the code does.
//   - Every write of an attempt names the fencing token of its claim; a worker whose lease was taken over writes nothing.
//   - version grows with every change that a reader can see; it is the id of the events that a client receives.
//   - No more jobs of an account are in play, and no more of a provider are drawn, than [Limits] says, over all workers.
//
// The files follow the life of a job: queue.go, waitlist.go, renderer.go and attempt.go with moderate.go, references.go,
// pictures.go and stage.go, end.go and classify.go, cancel.go, recovery.go for what got lost; follow.go shows a job to its
// owner, operate.go and explain.go to operators.
package jobs

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/safety"
)

// MaxAttempts is how many attempts count before a job fails.
const MaxAttempts = 4

// Enqueue pushes the id of a job to the workers.
type Enqueue func(ctx context.Context, id uuid.UUID) error

// Service queues, reads, follows and cancels jobs.
type Service struct {
	store           *postgres.Store
	catalog         *catalog.Catalog
	safety          *safety.Service
	events          Events
	waitList        waitList
	projects        *projects.Reader
	payments        *postgres.Together[payment, db.JobQueueRow]
	onBalanceChange credits.BalanceObserver
	now             func() time.Time
	newID           func() uuid.UUID
	log             *slog.Logger
}

// Deps are what a [Service] needs. All are required.
type Deps struct {
	Store           *postgres.Store
	Catalog         *catalog.Catalog
	Safety          *safety.Service
	Events          Events
	Enqueue         Enqueue
	Limits          Limits
	OnBalanceChange credits.BalanceObserver
	Now             func() time.Time
	NewID           func() uuid.UUID
	Log             *slog.Logger
}

// NewService returns a service.
func NewService(d Deps) *Service {
	s := &Service{
		store: d.Store, catalog: d.Catalog, safety: d.Safety, events: d.Events, now: d.Now, newID: d.NewID, log: d.Log,
		waitList: waitList{store: d.Store, enqueue: d.Enqueue, log: d.Log, limits: d.Limits}, onBalanceChange: d.OnBalanceChange,
		projects: projects.NewReader(d.Store),
	}
	s.payments = postgres.NewTogether(
		func(ctx context.Context, payments []payment) ([]db.JobQueueRow, error) {
			return s.payAll(ctx, s.store.Queries(), payments)
		},
		payment.userID, payment.jobID, func(row db.JobQueueRow) uuid.UUID { return row.ID },
	)
	return s
}

// newSeed draws a seed for a job whose project has none. It need not be unpredictable, only different.
func newSeed() int64 { return int64(rand.Int32()) }
