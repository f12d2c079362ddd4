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

// waitList keeps queued jobs back that may not begin yet. A job waits for a concurrency slot of its account, which Queue
// takes while there are any, or for a slot of its provider, which a claim takes. The worker or the API process that ends
// a job wakes the next one: from its account's wait list to the end of the queue, so that accounts take turns, and from
// its provider's wait list.
//
// Both limits hold in Postgres whatever the workers do. Account slots are given out under the lock of the account's row; a
// provider slot is a row that one job at a time can hold. A process that frees a slot at the very moment at which a job
// begins to wait may not see that job; then the sweeper wakes it, a second later.
type waitList struct {
	store   *postgres.Store
	enqueue Enqueue
	log     *slog.Logger
	limits  Limits
}

// capacityFreed is the capacity that the end of an attempt frees, as far as a job waits for it.
type capacityFreed struct {
	userID   uuid.UUID
	provider string
	account  bool // a job may wait for a slot of the account
	slot     bool // a job may wait for a slot of the provider
}

// freedBy returns the capacity that the end of a job has freed.
func freedBy(row db.JobEndRow) capacityFreed {
	return capacityFreed{userID: row.Job.UserID, provider: row.Job.Provider, account: row.AccountWaits, slot: row.ProviderWaits}
}

// wake wakes the jobs that may begin now and enqueues them. The sweeper makes good what fails here.
func (l waitList) wake(ctx context.Context, capacity capacityFreed) {
	var woken []uuid.UUID
	if capacity.account {
		ids, err := l.wakeAccountJobs(ctx, capacity.userID, true)
		if err != nil {
			l.log.WarnContext(ctx, "jobs of an account not woken; the sweeper will", "user_id", capacity.userID, "error", err)
		}
		woken = append(woken, ids...)
	}
	if capacity.slot {
		ids, err := l.wakeProviderJobs(ctx, capacity.provider, 1, true)
		if err != nil {
			l.log.WarnContext(ctx, "job for a provider not woken; the sweeper will", "provider", capacity.provider, "error", err)
		}
		woken = append(woken, ids...)
	}
	for _, id := range woken {
		l.push(ctx, id)
	}
}

// push enqueues a job, and leaves a failure to the sweeper.
func (l waitList) push(ctx context.Context, id uuid.UUID) {
	if err := l.enqueue(ctx, id); err != nil {
		l.log.WarnContext(ctx, "job not pushed; the sweeper will", "job_id", id, "error", err)
	}
}

// waitForProvider parks a job that is due and could not be claimed: its provider had no free slot. It makes the
// provider's slots where they are missing, and looks once more, since a slot may have been freed by a process that saw no
// job wait.
func (l waitList) waitForProvider(ctx context.Context, id uuid.UUID) error {
	if l.limits.ProviderCalls == 0 {
		return nil
	}
	provider, err := l.store.Queries().JobPark(ctx, id)
	if postgres.IsNotFound(err) {
		return nil // another worker has it, or it has ended
	}
	if err != nil {
		return fmt.Errorf("park job: %w", err)
	}
	if err := l.makeSlots(ctx, provider); err != nil {
		return err
	}
	l.wake(ctx, capacityFreed{provider: provider, slot: true})
	return nil
}

// wakeAccountJobs gives the free slots of an account to its waiting jobs and returns those. With pushed they count as
// pushed, so that the sweeper leaves them alone for a while; the caller pushes them.
func (l waitList) wakeAccountJobs(ctx context.Context, userID uuid.UUID, pushed bool) (ids []uuid.UUID, err error) {
	err = l.store.InTx(ctx, func(q *db.Queries) error {
		if err := q.JobLockAccount(ctx, userID); err != nil {
			return fmt.Errorf("lock account: %w", err)
		}
		ids, err = q.JobWakeByAccount(ctx, db.JobWakeByAccountParams{
			UserID: userID, UserJobs: l.limits.UserJobs, Pushed: pushed,
		})
		if err != nil {
			return fmt.Errorf("wake jobs of account: %w", err)
		}
		return nil
	})
	return ids, err
}

// wakeProviderJobs wakes at most so many of the jobs that wait for a provider as it has free slots; see wakeAccountJobs.
func (l waitList) wakeProviderJobs(ctx context.Context, provider string, most int32, pushed bool) ([]uuid.UUID, error) {
	ids, err := l.store.Queries().JobWakeByProvider(ctx, db.JobWakeByProviderParams{
		Provider: provider, ProviderCalls: l.limits.ProviderCalls, Most: most, Pushed: pushed,
	})
	if err != nil {
		return nil, fmt.Errorf("wake jobs for provider: %w", err)
	}
	return ids, nil
}

func (l waitList) makeSlots(ctx context.Context, provider string) error {
	_, err := l.store.Queries().SlotMake(ctx, db.SlotMakeParams{Provider: provider, ProviderCalls: l.limits.ProviderCalls})
	if err != nil {
		return fmt.Errorf("make slots of provider: %w", err)
	}
	return nil
}

// stalledBatch bounds how many accounts one wakeStalled looks at: what a sweep, once a second, can look at with ease.
const stalledBatch = 1000

// wakeStalled is the sweeper's part: it wakes the jobs that wait although there is capacity, as never pushed. It looks at
// the accounts after the given one and returns where to go on.
func (l waitList) wakeStalled(ctx context.Context, after uuid.UUID) (next uuid.UUID, err error) {
	q := l.store.Queries()
	providers, err := q.JobListAwaitedProviders(ctx)
	if err != nil {
		return after, fmt.Errorf("list providers that jobs wait for: %w", err)
	}
	for _, provider := range providers {
		if err := l.makeSlots(ctx, provider); err != nil {
			return after, err
		}
		if _, err := l.wakeProviderJobs(ctx, provider, math.MaxInt32, false); err != nil {
			return after, err
		}
	}
	accounts, err := q.JobListStalled(ctx, db.JobListStalledParams{
		AfterID: after, UserJobs: l.limits.UserJobs, Batch: stalledBatch,
	})
	if err != nil {
		return after, fmt.Errorf("list stalled accounts: %w", err)
	}
	for _, account := range accounts {
		if account.Stalled {
			if _, err := l.wakeAccountJobs(ctx, account.UserID, false); err != nil {
				return after, err
			}
		}
	}
	if len(accounts) < stalledBatch {
		return uuid.Nil, nil
	}
	return accounts[len(accounts)-1].UserID, nil
}
