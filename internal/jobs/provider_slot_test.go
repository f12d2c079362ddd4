package jobs_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// claim takes a job as a worker would, where its provider has so many slots.
func (f *fixture) claim(ctx context.Context, id uuid.UUID, slots int32) (db.JobClaimRow, error) {
	return postgres.First(f.store.Queries().JobClaim(ctx, db.JobClaimParams{Ids: []uuid.UUID{id}, LeaseSeconds: 60, MaxAttempts: 1000, ProviderCalls: slots}))
}

// release puts a claimed job back, to be claimed again at once.
func (f *fixture) release(ctx context.Context, claimed db.JobClaimRow) error {
	_, err := f.store.Queries().JobRetry(ctx, db.JobRetryParams{ID: claimed.Job.ID, LeaseToken: claimed.Job.LeaseToken, Released: true})
	return err
}

func (f *fixture) makeSlots(t *testing.T, slots int) {
	t.Helper()
	f.exec(t, "insert into provider_slots (provider, slot) select p.provider, n from (select distinct provider from jobs) p, generate_series(1, $1) n", slots)
}

// A job that comes back may get another slot than it had, and then the one that it had is free.
func TestJobClaim_takesTheSlotOfAJobThatCameBack(t *testing.T) {
	t.Parallel()
	const slots = 3
	f := setupLimited(t, 10, time.Minute, jobs.Limits{ProviderCalls: slots})
	me := creator{f.user, f.project}
	first, second, third, fourth := f.queue(t, me), f.queue(t, me), f.queue(t, me), f.queue(t, me)
	f.makeSlots(t, slots)
	f.exec(t, "update provider_slots set job_id = $1", first)
	for _, id := range []uuid.UUID{first, second, third} {
		_, err := f.claim(t.Context(), id, slots)
		require.NoError(t, err)
	}
	_, err := f.claim(t.Context(), fourth, slots)
	require.True(t, postgres.IsNotFound(err), err)
	f.exec(t, "update jobs set lease_until = now() - interval '1 second' where id = $1", second)
	_, err = f.claim(t.Context(), second, slots)
	require.NoError(t, err, "a worker that takes a job over takes its slot over")
	_, err = f.claim(t.Context(), fourth, slots)
	require.True(t, postgres.IsNotFound(err), err)
}

// Workers that claim at the same moment get no slot twice, also where its last job is one of those that want it.
func TestJobClaim_takesASlotOnce(t *testing.T) {
	t.Parallel()
	const slots, workers, each = 1, 8, 300
	f := setupLimited(t, workers, time.Minute, jobs.Limits{ProviderCalls: slots})
	ids := make([]uuid.UUID, workers)
	for i := range ids {
		ids[i] = f.queue(t, creator{f.user, f.project})
	}
	f.makeSlots(t, slots)
	var busy [slots + 1]atomic.Int32
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			for range each {
				claimed, err := f.claim(context.Background(), id, slots)
				if postgres.IsNotFound(err) {
					continue // all slots are taken
				}
				if err != nil {
					t.Error(err)
					return
				}
				slot := &busy[*claimed.Job.ProviderSlot]
				if n := slot.Add(1); n > 1 {
					t.Errorf("%d jobs in slot %d", n, *claimed.Job.ProviderSlot)
					return
				}
				time.Sleep(time.Millisecond) // as long as it takes others to claim
				slot.Add(-1)
				if err := f.release(context.Background(), claimed); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
