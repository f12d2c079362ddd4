package jobs_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// Places go from a job that ends to the next of the account, whichever way it ends, and one that ends in the line leaves
// no place.
func TestLine_placeIsPassedOn(t *testing.T) {
	t.Parallel()
	w := setupLimited(t, 10, time.Minute, jobs.Limits{UserJobs: 1})
	me := creator{w.user, w.project}
	var ids []uuid.UUID
	for range 5 {
		ids = append(ids, w.queue(t, me))
	}
	require.Equal(t, ids[0], <-w.pushed)
	w.nothingPushed(t)
	require.NoError(t, w.runner.Run(t.Context(), ids[1]))
	require.Equal(t, "queued", w.job(t, ids[1]).Job.Status, "it has no place, whoever may push it")
	afterLoss, err := w.renderer.MarkDue(t.Context(), task.Due{PushedBefore: new(time.Now().Add(time.Hour)), Batch: 1000})
	require.NoError(t, err)
	require.Equal(t, ids[:1], afterLoss, "what waits in a line was never in Redis")

	_, err = w.service.Cancel(t.Context(), w.user.ID, ids[2])
	require.NoError(t, err)
	w.nothingPushed(t)
	_, err = w.service.Cancel(t.Context(), w.user.ID, ids[0])
	require.NoError(t, err)
	require.Equal(t, ids[1], <-w.pushed)
	require.NoError(t, w.runner.Run(t.Context(), ids[1]))
	require.Equal(t, ids[3], <-w.pushed)
	w.paint(failsWith(providers.Permanent))
	require.NoError(t, w.runner.Run(t.Context(), ids[3]))
	require.Equal(t, ids[4], <-w.pushed)
	w.nothingPushed(t)
	require.EqualValues(t, 8, factory.Balance(t, w.store, w.user.ID))

	require.NoError(t, w.service.DeleteProject(t.Context(), w.user.ID, w.project.ID))
	w.nothingPushed(t)
	require.EqualValues(t, 9, factory.Balance(t, w.store, w.user.ID))
	me.project = factory.Project(t, w.store, w.user.ID, nil)
	require.Equal(t, w.queue(t, me), <-w.pushed, "all places are free again")
}

// A worker that dies between the end of a job and the call of the next leaves the line to the sweeper, and so does an
// operator who gives more places.
func TestLine_sweeperCallsWhomNobodyCalled(t *testing.T) {
	t.Parallel()
	w := setupLimited(t, 10, time.Minute, jobs.Limits{UserJobs: 1})
	me := creator{w.user, w.project}
	first, second := w.queue(t, me), w.queue(t, me)
	require.Equal(t, first, <-w.pushed)
	require.Empty(t, w.mark(t))
	_, err := w.store.Queries().JobEnd(t.Context(), db.JobEndParams{ID: first, LedgerID: factory.ID(), Status: "canceled"})
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{second}, w.mark(t))
	require.Empty(t, w.mark(t), "once")

	third := w.queue(t, me)
	require.Empty(t, w.mark(t))
	w.renderer = jobs.NewRenderer(jobs.RendererDeps{Store: w.store, Limits: jobs.Limits{UserJobs: 2}})
	require.Equal(t, []uuid.UUID{third}, w.mark(t))
}

// An account that is deleted leaves no slot taken.
func TestLine_slotOfADeletedAccount(t *testing.T) {
	t.Parallel()
	w := setupLimited(t, 0, time.Minute, jobs.Limits{ProviderCalls: 1})
	ada, bob := w.creator(t, 1), w.creator(t, 1)
	first, second := w.queue(t, ada), w.queue(t, bob)
	w.exec(t, "insert into provider_slots (provider, slot) select distinct provider, 1 from jobs")
	_, err := w.store.Queries().JobClaim(t.Context(), db.JobClaimParams{ID: first, LeaseSeconds: 60, MaxAttempts: 4, ProviderCalls: 1})
	require.NoError(t, err)
	require.NoError(t, w.runner.Run(t.Context(), second))
	require.Empty(t, w.mark(t))
	w.exec(t, "delete from users where id = $1", ada.user.ID)
	require.Equal(t, []uuid.UUID{second}, w.mark(t))
	require.NoError(t, w.runner.Run(t.Context(), second))
	var status string
	require.NoError(t, w.store.Pool().QueryRow(t.Context(), "select status from jobs where id = $1", second).Scan(&status))
	require.Equal(t, "succeeded", status)
}

// Many requests side by side get no more places than one after the other.
func TestLine_placesAreGivenOnce(t *testing.T) {
	t.Parallel()
	w := setupLimited(t, 100, time.Minute, jobs.Limits{UserJobs: 3})
	me := creator{w.user, w.project}
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if _, _, err := w.service.Queue(context.Background(), me.user.ID, me.project.ID, draft, noKey); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, w.pushed, 3)
	var waiting int
	require.NoError(t, w.store.Pool().QueryRow(t.Context(), "select count(*) from jobs where waits_for = 'account'").Scan(&waiting))
	require.Equal(t, 37, waiting)
}

// New jobs of a project and the ends of its older ones want the rows of the account and of the project.
func TestLine_noDeadlockOfQueueAndEnd(t *testing.T) {
	t.Parallel()
	w := setupLimited(t, 1000, time.Minute, jobs.Limits{UserJobs: 100, ProviderCalls: 100})
	me := creator{w.user, w.project}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				queued, _, err := w.service.Queue(context.Background(), me.user.ID, me.project.ID, draft, noKey)
				if err == nil {
					err = w.runner.Run(context.Background(), queued.JobID)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.noDeadlock(t)
}

func (w *world) noDeadlock(t *testing.T) {
	t.Helper()
	factory.Balance(t, w.store, w.user.ID)
	var deadlocks int
	require.NoError(t, w.store.Pool().QueryRow(t.Context(),
		"select deadlocks from pg_stat_database where datname = current_database()").Scan(&deadlocks))
	require.Zero(t, deadlocks)
}

// Ends of jobs, new jobs and the deletion of their project all want the same rows.
func TestLine_noDeadlock(t *testing.T) {
	t.Parallel()
	w := setupLimited(t, 1000, time.Minute, jobs.Limits{UserJobs: 3, ProviderCalls: 3})
	for range 15 {
		w.project = factory.Project(t, w.store, w.user.ID, nil)
		me := creator{w.user, w.project}
		var wg sync.WaitGroup
		for range 6 {
			id := w.queue(t, me)
			wg.Go(func() {
				for range 3 {
					if err := w.runner.Run(context.Background(), id); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				_, _, err := w.service.Queue(context.Background(), me.user.ID, me.project.ID, draft, noKey)
				_, _ = w.service.Cancel(context.Background(), me.user.ID, id)
				_ = err // the project may be gone
			})
		}
		wg.Go(func() {
			if err := w.service.DeleteProject(context.Background(), me.user.ID, me.project.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		for len(w.pushed) > 0 {
			<-w.pushed
		}
	}
	w.noDeadlock(t)
}
