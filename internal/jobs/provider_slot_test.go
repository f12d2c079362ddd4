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
func (w *world) claim(ctx context.Context, id uuid.UUID, slots int32) (db.JobClaimRow, error) {
	return w.store.Queries().JobClaim(ctx, db.JobClaimParams{ID: id, LeaseSeconds: 60, MaxAttempts: 1000, ProviderCalls: slots})
}

// release puts a claimed job back, to be claimed again at once.
func (w *world) release(ctx context.Context, claimed db.JobClaimRow) error {
	_, err := w.store.Queries().JobRetry(ctx, db.JobRetryParams{ID: claimed.Job.ID, LeaseToken: claimed.Job.LeaseToken, Released: true})
	return err
}

func (w *world) makeSlots(t *testing.T, slots int) {
	t.Helper()
	w.exec(t, "insert into provider_slots (provider, slot) select p.provider, n from (select distinct provider from jobs) p, generate_series(1, $1) n", slots)
}

// A job that comes back may get another slot than it had, and then the one that it had is free.
func TestSlot_ofAJobThatCameBack(t *testing.T) {
	t.Parallel()
	const slots = 3
	w := setupLimited(t, 10, time.Minute, jobs.Limits{ProviderCalls: slots})
	me := creator{w.user, w.project}
	first, second, third, fourth := w.queue(t, me), w.queue(t, me), w.queue(t, me), w.queue(t, me)
	w.makeSlots(t, slots)
	w.exec(t, "update provider_slots set job_id = $1", first)
	for _, id := range []uuid.UUID{first, second, third} {
		_, err := w.claim(t.Context(), id, slots)
		require.NoError(t, err)
	}
	_, err := w.claim(t.Context(), fourth, slots)
	require.True(t, postgres.IsNotFound(err), err)
	w.exec(t, "update jobs set lease_until = now() - interval '1 second' where id = $1", second)
	_, err = w.claim(t.Context(), second, slots)
	require.NoError(t, err, "whoever takes a job over takes its slot over")
	_, err = w.claim(t.Context(), fourth, slots)
	require.True(t, postgres.IsNotFound(err), err)
}

// Workers that claim at the same moment get no slot twice, also where its last job is one of those that want it.
func TestSlot_isTakenOnce(t *testing.T) {
	t.Parallel()
	const slots, workers, each = 1, 8, 300
	w := setupLimited(t, workers, time.Minute, jobs.Limits{ProviderCalls: slots})
	ids := make([]uuid.UUID, workers)
	for i := range ids {
		ids[i] = w.queue(t, creator{w.user, w.project})
	}
	w.makeSlots(t, slots)
	var busy [slots + 1]atomic.Int32
	var wg sync.WaitGroup
	for _, id := range ids {
		wg.Go(func() {
			for range each {
				claimed, err := w.claim(context.Background(), id, slots)
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
				if err := w.release(context.Background(), claimed); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
