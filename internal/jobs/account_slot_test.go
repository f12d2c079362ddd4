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
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// An account slot goes from a job that ends to the next of the account, whichever way it ends. A job that ends on the wait
// list frees no slot.
func TestWaitList_passesAnAccountSlotOn(t *testing.T) {
	t.Parallel()
	f := setupLimited(t, 10, time.Minute, jobs.Limits{UserJobs: 1})
	me := creator{f.user, f.project}
	var ids []uuid.UUID
	for range 5 {
		ids = append(ids, f.queue(t, me))
	}
	require.Equal(t, ids[0], <-f.pushed)
	f.nothingPushed(t)
	require.NoError(t, f.runner.Run(t.Context(), ids[1]))
	require.Equal(t, "queued", f.job(t, ids[1]).Job.Status, "it has no slot, whichever process pushes it")
	afterLoss, err := f.renderer.MarkDue(t.Context(), task.Due{PushedBefore: new(time.Now().Add(time.Hour)), Batch: 1000})
	require.NoError(t, err)
	require.Equal(t, ids[:1], afterLoss, "the id of a job on a wait list was never in Redis")

	_, err = f.service.Cancel(t.Context(), f.user.ID, ids[2])
	require.NoError(t, err)
	f.nothingPushed(t)
	_, err = f.service.Cancel(t.Context(), f.user.ID, ids[0])
	require.NoError(t, err)
	require.Equal(t, ids[1], <-f.pushed)
	require.NoError(t, f.runner.Run(t.Context(), ids[1]))
	require.Equal(t, ids[3], <-f.pushed)
	f.paint(failsWith(providers.Permanent))
	require.NoError(t, f.runner.Run(t.Context(), ids[3]))
	require.Equal(t, ids[4], <-f.pushed)
	f.nothingPushed(t)
	require.EqualValues(t, 8, factory.Balance(t, f.store, f.user.ID))

	require.NoError(t, f.service.DeleteProject(t.Context(), f.user.ID, f.project.ID))
	f.nothingPushed(t)
	require.EqualValues(t, 9, factory.Balance(t, f.store, f.user.ID))
	me.project = factory.Project(t, f.store, f.user.ID, nil)
	require.Equal(t, f.queue(t, me), <-f.pushed, "all slots are free again")
}

// A worker that dies between the end of a job and the waking of the next leaves the wait list to the sweeper, and so does an
// operator who raises the limit.
func TestWaitList_sweeperWakesWhatStalls(t *testing.T) {
	t.Parallel()
	f := setupLimited(t, 10, time.Minute, jobs.Limits{UserJobs: 1})
	me := creator{f.user, f.project}
	first, second := f.queue(t, me), f.queue(t, me)
	require.Equal(t, first, <-f.pushed)
	require.Empty(t, f.mark(t))
	_, err := f.store.Queries().JobEnd(t.Context(), db.JobEndParams{ID: first, LedgerID: factory.ID(), Status: "canceled"})
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{second}, f.mark(t))
	require.Empty(t, f.mark(t), "once")

	third := f.queue(t, me)
	require.Empty(t, f.mark(t))
	f.renderer = jobs.NewRenderer(jobs.RendererDeps{Store: f.store, Limits: jobs.Limits{UserJobs: 2}})
	require.Equal(t, []uuid.UUID{third}, f.mark(t))
}

// An account that is deleted leaves no slot taken.
func TestWaitList_freesTheSlotOfADeletedAccount(t *testing.T) {
	t.Parallel()
	f := setupLimited(t, 0, time.Minute, jobs.Limits{ProviderCalls: 1})
	ada, bob := f.creator(t, 1), f.creator(t, 1)
	first, second := f.queue(t, ada), f.queue(t, bob)
	f.exec(t, "insert into provider_slots (provider, slot) select distinct provider, 1 from jobs")
	_, err := postgres.First(f.store.Queries().JobClaim(t.Context(), db.JobClaimParams{
		Ids: []uuid.UUID{first}, LeaseSeconds: 60, MaxAttempts: 4, ProviderCalls: 1,
	}))
	require.NoError(t, err)
	require.NoError(t, f.runner.Run(t.Context(), second))
	require.Empty(t, f.mark(t))
	f.exec(t, "delete from users where id = $1", ada.user.ID)
	require.Equal(t, []uuid.UUID{second}, f.mark(t))
	require.NoError(t, f.runner.Run(t.Context(), second))
	var status string
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select status from jobs where id = $1", second).Scan(&status))
	require.Equal(t, "succeeded", status)
}

// Many requests side by side get no more slots than one after the other.
func TestWaitList_givesAnAccountSlotOnce(t *testing.T) {
	t.Parallel()
	f := setupLimited(t, 100, time.Minute, jobs.Limits{UserJobs: 3})
	me := creator{f.user, f.project}
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			if _, _, err := f.service.Queue(context.Background(), me.user.ID, me.project.ID, draft, noKey); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, f.pushed, 3)
	var waiting int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select count(*) from jobs where waits_for = 'account'").Scan(&waiting))
	require.Equal(t, 37, waiting)
}

// New jobs of a project and the ends of its older ones want the rows of the account and of the project.
func TestWaitList_queueAndEndDoNotDeadlock(t *testing.T) {
	t.Parallel()
	f := setupLimited(t, 1000, time.Minute, jobs.Limits{UserJobs: 100, ProviderCalls: 100})
	me := creator{f.user, f.project}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				queued, _, err := f.service.Queue(context.Background(), me.user.ID, me.project.ID, draft, noKey)
				if err == nil {
					err = f.runner.Run(context.Background(), queued.JobID)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	f.noDeadlock(t)
}

func (f *fixture) noDeadlock(t *testing.T) {
	t.Helper()
	factory.Balance(t, f.store, f.user.ID)
	var deadlocks int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(),
		"select deadlocks from pg_stat_database where datname = current_database()").Scan(&deadlocks))
	require.Zero(t, deadlocks)
}

// Ends of jobs, new jobs and the deletion of their project all want the same rows.
func TestWaitList_queueEndAndDeletionDoNotDeadlock(t *testing.T) {
	t.Parallel()
	f := setupLimited(t, 1000, time.Minute, jobs.Limits{UserJobs: 3, ProviderCalls: 3})
	for range 15 {
		f.project = factory.Project(t, f.store, f.user.ID, nil)
		me := creator{f.user, f.project}
		var wg sync.WaitGroup
		for range 6 {
			id := f.queue(t, me)
			wg.Go(func() {
				for range 3 {
					if err := f.runner.Run(context.Background(), id); err != nil {
						t.Error(err)
					}
				}
			})
			wg.Go(func() {
				_, _, err := f.service.Queue(context.Background(), me.user.ID, me.project.ID, draft, noKey)
				_, _ = f.service.Cancel(context.Background(), me.user.ID, id)
				_ = err // the project may be gone
			})
		}
		wg.Go(func() {
			if err := f.service.DeleteProject(context.Background(), me.user.ID, me.project.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		for len(f.pushed) > 0 {
			<-f.pushed
		}
	}
	f.noDeadlock(t)
}
