package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"math"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// line is where queued jobs wait that are not pushed: for a place of their account, which Queue gives out while there
// are any, or for a slot of their provider, which a claim takes. Whoever ends a job calls the next one: out of its
// account's line to the end of the queue, so that accounts take turns, and out of its provider's line.
//
// Both limits hold in Postgres whatever the workers do. Places are given out under the lock of the account's row; a slot
// is a row that one job at a time can hold. That somebody waits may be missed by whoever frees a place or a slot at
// that very moment; then the sweeper calls, a second later.
type line struct {
	store  *postgres.Store
	push   Push
	log    *slog.Logger
	limits Limits
}

// freed is what the end of an attempt leaves to others.
type freed struct {
	userID   uuid.UUID
	provider string
	place    bool // somebody may wait for its account's place
	slot     bool // somebody may wait for its provider's slot
}

// left takes the result of the statements that end an attempt apart: JobSucceed, JobRetry and JobEnd have the same.
func left(row db.JobEndRow) (db.Job, freed) {
	return db.Job{
		ID: row.ID, ProjectID: row.ProjectID, UserID: row.UserID, PromptID: row.PromptID, Mode: row.Mode,
		Platform: row.Platform, Model: row.Model, Provider: row.Provider, Quality: row.Quality, Variants: row.Variants,
		Width: row.Width, Height: row.Height, Seed: row.Seed, Consent: row.Consent, Status: row.Status, Stage: row.Stage,
		Progress: row.Progress, Attempt: row.Attempt, CostCredits: row.CostCredits, Refunded: row.Refunded,
		ErrorCode: row.ErrorCode, ErrorMessage: row.ErrorMessage, ProviderMeta: row.ProviderMeta, Version: row.Version,
		QueuedAt: row.QueuedAt, StartedAt: row.StartedAt, FinishedAt: row.FinishedAt, RunAt: row.RunAt,
		WaitsFor: row.WaitsFor, PushedAt: row.PushedAt, Pushes: row.Pushes, LeaseUntil: row.LeaseUntil,
		LeaseToken: row.LeaseToken, ProviderSlot: row.ProviderSlot, HandledAt: row.HandledAt,
		RequestID: row.RequestID, Traceparent: row.Traceparent,
	}, freed{userID: row.UserID, provider: row.Provider, place: row.AccountWaits, slot: row.ProviderWaits}
}

// advance calls and pushes those who may go now. What fails here is made good by the sweeper.
func (l line) advance(ctx context.Context, f freed) {
	var called []uuid.UUID
	if f.place {
		ids, err := l.callAccount(ctx, f.userID, true)
		if err != nil {
			l.log.WarnContext(ctx, "jobs of an account not called; the sweeper will", "user_id", f.userID, "error", err)
		}
		called = append(called, ids...)
	}
	if f.slot {
		ids, err := l.callProvider(ctx, f.provider, 1, true)
		if err != nil {
			l.log.WarnContext(ctx, "job for a provider not called; the sweeper will", "provider", f.provider, "error", err)
		}
		called = append(called, ids...)
	}
	for _, id := range called {
		l.tell(ctx, id)
	}
}

// tell pushes a job.
func (l line) tell(ctx context.Context, id uuid.UUID) {
	if err := l.push(ctx, id); err != nil {
		l.log.WarnContext(ctx, "job not pushed; the sweeper will", "job_id", id, "error", err)
	}
}

// join lets a job wait that is due and could not be claimed: then its provider had no slot. It makes the provider's
// slots where they are missing, and looks once more, since one may have been freed by somebody who saw nobody wait.
func (l line) join(ctx context.Context, id uuid.UUID) error {
	if l.limits.ProviderCalls == 0 {
		return nil
	}
	provider, err := l.store.Queries().JobHold(ctx, id)
	if postgres.IsNotFound(err) {
		return nil // somebody else has it, or it has ended
	}
	if err != nil {
		return fmt.Errorf("hold job: %w", err)
	}
	if err := l.makeSlots(ctx, provider); err != nil {
		return err
	}
	l.advance(ctx, freed{provider: provider, slot: true})
	return nil
}

// callAccount gives the free places of an account to its waiting jobs and returns those, which count as pushed or as
// never pushed.
func (l line) callAccount(ctx context.Context, userID uuid.UUID, pushed bool) (ids []uuid.UUID, err error) {
	err = l.store.InTx(ctx, func(q *db.Queries) error {
		if err := q.JobLockAccount(ctx, userID); err != nil {
			return fmt.Errorf("lock account: %w", err)
		}
		ids, err = q.JobCallAccount(ctx, db.JobCallAccountParams{
			UserID: userID, UserJobs: l.limits.UserJobs, Pushed: pushed,
		})
		if err != nil {
			return fmt.Errorf("call jobs of account: %w", err)
		}
		return nil
	})
	return ids, err
}

// callProvider wakes at most so many of the jobs that wait for a provider as it has free slots.
func (l line) callProvider(ctx context.Context, provider string, most int32, pushed bool) ([]uuid.UUID, error) {
	ids, err := l.store.Queries().JobCallProvider(ctx, db.JobCallProviderParams{
		Provider: provider, ProviderCalls: l.limits.ProviderCalls, Most: most, Pushed: pushed,
	})
	if err != nil {
		return nil, fmt.Errorf("call jobs for provider: %w", err)
	}
	return ids, nil
}

func (l line) makeSlots(ctx context.Context, provider string) error {
	_, err := l.store.Queries().SlotMake(ctx, db.SlotMakeParams{Provider: provider, ProviderCalls: l.limits.ProviderCalls})
	if err != nil {
		return fmt.Errorf("make slots of provider: %w", err)
	}
	return nil
}

// unblockBatch bounds how many accounts one unblock looks at: what a sweep, once a second, can look at with ease.
const unblockBatch = 1000

// unblock is the sweeper's part: it calls those who wait although they need not, as never pushed. It looks at the
// accounts after the given one and returns where to go on.
func (l line) unblock(ctx context.Context, after uuid.UUID) (next uuid.UUID, err error) {
	q := l.store.Queries()
	providers, err := q.JobListProviderLines(ctx)
	if err != nil {
		return after, fmt.Errorf("list lines of providers: %w", err)
	}
	for _, provider := range providers {
		if err := l.makeSlots(ctx, provider); err != nil {
			return after, err
		}
		if _, err := l.callProvider(ctx, provider, math.MaxInt32, false); err != nil {
			return after, err
		}
	}
	accounts, err := q.JobListStalled(ctx, db.JobListStalledParams{
		AfterID: after, UserJobs: l.limits.UserJobs, Batch: unblockBatch,
	})
	if err != nil {
		return after, fmt.Errorf("list stalled accounts: %w", err)
	}
	for _, account := range accounts {
		if account.Stalled {
			if _, err := l.callAccount(ctx, account.UserID, false); err != nil {
				return after, err
			}
		}
	}
	if len(accounts) < unblockBatch {
		return uuid.Nil, nil
	}
	return accounts[len(accounts)-1].UserID, nil
}
