package jobs_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/testkit/factory"
)

// creator is an account with a project.
type creator struct {
	user    db.User
	project db.Project
}

func (w *world) creator(t testing.TB, balance int64) creator {
	t.Helper()
	user := factory.User(t, w.store, balance)
	return creator{user: user, project: factory.Project(t, w.store, user.ID, nil)}
}

// queue orders a draft of the creator's project.
func (w *world) queue(t *testing.T, c creator) uuid.UUID {
	t.Helper()
	queued, _, err := w.service.Queue(t.Context(), c.user.ID, c.project.ID, draft, noKey)
	require.NoError(t, err)
	return queued.JobID
}

// mark is the sweeper's look at the jobs; what it finds is pushed.
func (w *world) mark(t *testing.T) []uuid.UUID {
	t.Helper()
	ids, err := w.runner.MarkDue(t.Context(), nil, time.Hour, 1000)
	require.NoError(t, err)
	return ids
}

// nothingPushed says that no worker is told of anything.
func (w *world) nothingPushed(t *testing.T) {
	t.Helper()
	select {
	case id := <-w.pushed:
		require.Fail(t, "pushed", id)
	default:
	}
}

func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := w.store.Pool().Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// work draws what is pushed, in that order, in so many slots, until done.
func (w *world) work(t *testing.T, slots int, done func() bool) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var wg sync.WaitGroup
	for range slots {
		wg.Go(func() {
			for {
				select {
				case <-ctx.Done():
					return
				case id := <-w.pushed:
					if err := w.runner.Run(context.Background(), id); err != nil {
						t.Error(err)
					}
					if done() {
						stop()
					}
				}
			}
		})
	}
	wg.Wait()
}

// However many jobs somebody has queued, somebody else's first is among the next, whether there are more slots than one
// account may use or fewer.
func TestLine_firstJobsGoFirst(t *testing.T) {
	t.Parallel()
	const many = 200
	for name, slots := range map[string]int{"one slot": 1, "as many slots as places": 2, "more slots than places": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setupLimited(t, 0, time.Minute, jobs.Limits{UserJobs: 2, ProviderCalls: 16})
			ada, bob := w.creator(t, many), w.creator(t, 1)
			for range many {
				w.queue(t, ada)
			}
			first := w.queue(t, bob)
			var mu sync.Mutex
			var drawn []uuid.UUID
			w.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
				mu.Lock()
				drawn = append(drawn, req.JobID)
				mu.Unlock()
				return paints(ctx, req, sink)
			})
			w.work(t, slots, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return slices.Contains(drawn, first)
			})
			require.Contains(t, drawn[:min(len(drawn), 2+slots)], first)
		})
	}
}

// gauge counts who draws at once.
type gauge struct {
	mu       sync.Mutex
	now, max map[string]int
}

// enter returns a new maximum of the last name, or 0.
func (g *gauge) enter(names ...string) (record int32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range names {
		g.now[name]++
		record = 0
		if g.now[name] > g.max[name] {
			g.max[name] = g.now[name]
			record = int32(g.now[name])
		}
	}
	return record
}

func (g *gauge) leave(names ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, name := range names {
		g.now[name]--
	}
}

// Both limits hold with many more workers than there is work for, and are used to the full.
func TestLine_limitsHold(t *testing.T) {
	t.Parallel()
	const accounts, each = 6, 8
	limits := jobs.Limits{UserJobs: 2, ProviderCalls: 5}
	w := setupLimited(t, 0, time.Minute, limits)
	owners := map[uuid.UUID]string{}
	g := &gauge{now: map[string]int{}, max: map[string]int{}}
	full := make(chan struct{})
	w.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
		if g.enter(owners[req.JobID], "all") == limits.ProviderCalls {
			close(full)
		}
		defer g.leave(owners[req.JobID], "all")
		select {
		case <-full: // by and by all slots are taken
		case <-time.After(30 * time.Second):
		}
		return paints(ctx, req, sink)
	})
	var creators []creator
	for range accounts {
		creators = append(creators, w.creator(t, each))
	}
	for range each {
		for _, c := range creators {
			owners[w.queue(t, c)] = c.user.Email
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var sweeping sync.WaitGroup
	sweeping.Go(func() {
		for ctx.Err() == nil {
			ids, err := w.runner.MarkDue(ctx, nil, time.Hour, 100)
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			for _, id := range ids {
				w.pushed <- id
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	w.work(t, 16, func() bool {
		var n int32
		if err := w.store.Pool().QueryRow(context.Background(), "select count(*) from jobs where finished_at is not null").Scan(&n); err != nil {
			t.Error(err)
		}
		return n == accounts*each
	})
	stop()
	sweeping.Wait()
	require.EqualValues(t, limits.ProviderCalls, g.max["all"])
	for _, c := range creators {
		require.LessOrEqual(t, g.max[c.user.Email], int(limits.UserJobs))
		require.Zero(t, factory.Balance(t, w.store, c.user.ID))
	}
	var open, held int
	require.NoError(t, w.store.Pool().QueryRow(t.Context(),
		"select sum(unfinished_jobs), (select count(*) from provider_slots where job_id is not null) from users").Scan(&open, &held))
	require.Zero(t, open)
	require.Zero(t, held)
}

// blocked lets a painter begin, and end when told.
func (w *world) blocked() (begun <-chan uuid.UUID, end chan<- error) {
	began, told := make(chan uuid.UUID), make(chan error)
	w.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
		began <- req.JobID
		if err := <-told; err != nil {
			return err
		}
		return paints(ctx, req, sink)
	})
	return began, told
}

// A job that finds no slot of its provider is no business of the sweeper's, and is pushed by whoever frees one.
func TestLine_slotFreedIsTakenAtOnce(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{
		"succeeded": nil, "failed": &providers.Error{Class: providers.Permanent}, "put back": &providers.Error{Class: providers.Transient, RetryAfter: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setupLimited(t, 0, time.Minute, jobs.Limits{ProviderCalls: 1})
			first, second := w.queue(t, w.creator(t, 1)), w.queue(t, w.creator(t, 1))
			require.Equal(t, []uuid.UUID{first, second}, []uuid.UUID{<-w.pushed, <-w.pushed})
			require.NoError(t, w.runner.Run(t.Context(), first), "which makes the slot, and pushes it again")
			require.Equal(t, first, <-w.pushed)
			begun, end := w.blocked()
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := w.runner.Run(context.Background(), first); err != nil {
					t.Error(err)
				}
			})
			<-begun
			for range 3 {
				require.NoError(t, w.runner.Run(t.Context(), second))
				require.Empty(t, w.mark(t))
				w.nothingPushed(t)
			}
			end <- outcome
			require.Equal(t, second, <-w.pushed)
			wg.Wait()
			w.paint(paints)
			require.NoError(t, w.runner.Run(t.Context(), second))
			row, err := w.store.Queries().JobClaim(t.Context(), db.JobClaimParams{ID: second, LeaseSeconds: 1, MaxAttempts: 9})
			require.Error(t, err, "%s has ended", row.ID)
		})
	}
}

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
	require.Empty(t, w.mark(t))

	_, err := w.service.Cancel(t.Context(), w.user.ID, ids[2])
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
	w.runner = jobs.NewRunner(jobs.RunnerDeps{Store: w.store, Limits: jobs.Limits{UserJobs: 2}})
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
