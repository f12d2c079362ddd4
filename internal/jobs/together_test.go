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
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// Claims of several jobs at the same moment take each slot of their providers once, and leave none idle that a job wants.
func TestJobClaim_severalTakeASlotEach(t *testing.T) {
	t.Parallel()
	const slots, all, rounds = 3, 12, 40
	f := setupLimited(t, all, time.Minute, jobs.Limits{ProviderCalls: slots})
	ids := make([]uuid.UUID, all)
	for i := range ids {
		ids[i] = f.queue(t, creator{f.user, f.project})
	}
	f.exec(t, "update jobs set provider = 'other' where id = any($1)", ids[:all/2])
	f.makeSlots(t, slots)
	claim := func(ids []uuid.UUID) []db.JobClaimRow {
		rows, err := f.store.Queries().JobClaim(context.Background(), db.JobClaimParams{
			Ids: ids, LeaseSeconds: 60, MaxAttempts: 1000, ProviderCalls: slots,
		})
		if err != nil {
			t.Error(err)
		}
		return rows
	}
	for range rounds {
		var claimed []db.JobClaimRow
		var mu sync.Mutex
		var claiming sync.WaitGroup
		for half := range 2 {
			claiming.Go(func() {
				rows := claim([]uuid.UUID{ids[half], ids[half+2], ids[half+4], ids[half+6], ids[half+8], ids[half+10]})
				mu.Lock()
				defer mu.Unlock()
				claimed = append(claimed, rows...)
			})
		}
		claiming.Wait()
		claimed = append(claimed, claim(ids)...) // what the two left, because each passed over the slots that the other was taking
		type slot struct {
			provider string
			number   int32
		}
		taken := map[slot]uuid.UUID{}
		for _, row := range claimed {
			at := slot{row.Job.Provider, *row.Job.ProviderSlot}
			require.Zero(t, taken[at], "slot %v was taken twice", at)
			taken[at] = row.Job.ID
			require.Equal(t, row.Prompt.ID, row.Job.PromptID)
		}
		require.Len(t, taken, 2*slots)
		for _, row := range claimed {
			require.NoError(t, f.release(t.Context(), row))
		}
	}
}

// Of the orders in one statement each is paid for itself: what one account can't pay, and what was ordered of a project that has
// changed, keeps no other order back.
func TestJobQueue_eachOrderForItself(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	poor, other := factory.User(t, f.store, 0), factory.User(t, f.store, 1)
	projects := []db.Project{
		f.project, factory.Project(t, f.store, poor.ID, nil), factory.Project(t, f.store, other.ID, nil),
	}
	first := factory.Order(projects...)
	rows, err := f.store.Queries().JobQueue(t.Context(), first)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	for _, row := range rows {
		require.Contains(t, []uuid.UUID{first.Ids[0], first.Ids[2]}, row.ID)
	}
	changed := factory.Order(projects...)
	changed.ProjectVersions[0]++
	rows, err = f.store.Queries().JobQueue(t.Context(), changed)
	require.NoError(t, err)
	require.Empty(t, rows, "one has changed, the others can't pay")
	require.EqualValues(t, 9, factory.Balance(t, f.store, f.user.ID))
	require.Zero(t, factory.Balance(t, f.store, other.ID))
	require.Zero(t, factory.Balance(t, f.store, poor.ID))
	found, err := f.store.Queries().LedgerViolations(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, found)
}

// Many accounts that order at the same time, while their last jobs are drawn, share statements. Each is charged for its own jobs,
// and no statement waits for one that waits for it: all lock accounts, jobs and projects in the same order.
func TestQueueProject_201_manyAccountsAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	const accounts, each, workers = 16, 20, 16
	users := make([]db.User, accounts)
	var working, ordering sync.WaitGroup
	for range workers {
		working.Go(func() {
			for id := range f.pushed {
				if err := f.runner.Run(context.Background(), id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range users {
		users[i] = factory.User(t, f.store, each)
		project := factory.Project(t, f.store, users[i].ID, nil)
		ordering.Go(func() {
			for range each {
				if _, _, err := f.service.Queue(context.Background(), users[i].ID, project.ID, draft, noKey); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ordering.Wait()
	close(f.pushed)
	working.Wait()
	for _, user := range users {
		require.Zero(t, factory.Balance(t, f.store, user.ID))
	}
	// A transaction is named by the rows that it wrote: the charges, and the pictures.
	for table, rows := range map[string]int{"audit_logs where action = 'job_charge'": accounts * each, "renders": accounts * each} {
		var statements, found int
		require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select count(distinct xmin::text), count(*) from "+table).Scan(&statements, &found))
		require.Equal(t, rows, found, table)
		require.Less(t, statements, rows, "%s: no two shared a statement", table)
	}
	f.store.Pool().Reset() // a connection tells of its deadlocks when it ends
	var deadlocks int
	require.Eventually(t, func() bool {
		var connections int
		err := f.store.Pool().QueryRow(t.Context(),
			"select deadlocks, numbackends from pg_stat_database where datname = current_database()").Scan(&deadlocks, &connections)
		return err == nil && connections == 1
	}, 10*time.Second, 10*time.Millisecond)
	require.Zero(t, deadlocks)
}
