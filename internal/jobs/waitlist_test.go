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
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// creator is an account with a project.
type creator struct {
	user    db.User
	project db.Project
}

func (f *fixture) creator(t testing.TB, balance int64) creator {
	t.Helper()
	user := factory.User(t, f.store, balance)
	return creator{user: user, project: factory.Project(t, f.store, user.ID, nil)}
}

// queue orders a draft of the creator's project.
func (f *fixture) queue(t *testing.T, c creator) uuid.UUID {
	t.Helper()
	queued, _, err := f.service.Queue(t.Context(), c.user.ID, c.project.ID, draft, noKey)
	require.NoError(t, err)
	return queued.JobID
}

// mark is the sweeper's look at the jobs; what it finds is pushed.
func (f *fixture) mark(t *testing.T) []uuid.UUID {
	t.Helper()
	ids, err := f.renderer.MarkDue(t.Context(), task.Due{RepushAfter: time.Hour, Batch: 1000})
	require.NoError(t, err)
	return ids
}

// nothingPushed fails where an id was pushed.
func (f *fixture) nothingPushed(t *testing.T) {
	t.Helper()
	select {
	case id := <-f.pushed:
		require.Fail(t, "pushed", id)
	default:
	}
}

func (f *fixture) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := f.store.Pool().Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// work draws what is pushed, in that order, in so many slots, until done.
func (f *fixture) work(t *testing.T, slots int, done func() bool) {
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
				case id := <-f.pushed:
					if err := f.runner.Run(context.Background(), id); err != nil {
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

// However many jobs one account has queued, the first job of another account is among the next, whether there are more
// worker slots than one account may use or fewer.
func TestWaitList_accountsTakeTurns(t *testing.T) {
	t.Parallel()
	const many, accountSlots = 200, 2
	for name, slots := range map[string]int{"one slot": 1, "as many slots as the account's": 2, "more slots than the account's": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setupLimited(t, 0, time.Minute, jobs.Limits{UserJobs: accountSlots, ProviderCalls: 16})
			ada, bob := f.creator(t, many), f.creator(t, 1)
			for range many {
				f.queue(t, ada)
			}
			first := f.queue(t, bob)
			var mu sync.Mutex
			var drawn []uuid.UUID
			bobs := make(chan struct{})
			f.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
				mu.Lock()
				drawn = append(drawn, req.JobID)
				mu.Unlock()
				if req.JobID == first {
					close(bobs)
				} else if slots > accountSlots {
					<-bobs // Ada's take their time, and need not end before Bob's begins
				}
				return paints(ctx, req, sink)
			})
			f.work(t, slots, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return slices.Contains(drawn, first)
			})
			require.Contains(t, drawn[:min(len(drawn), accountSlots+slots)], first)
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
func TestWaitList_limitsHold(t *testing.T) {
	t.Parallel()
	const accounts, each = 6, 8
	limits := jobs.Limits{UserJobs: 2, ProviderCalls: 5}
	f := setupLimited(t, 0, time.Minute, limits)
	owners := map[uuid.UUID]string{}
	g := &gauge{now: map[string]int{}, max: map[string]int{}}
	full := make(chan struct{})
	f.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
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
		creators = append(creators, f.creator(t, each))
	}
	for range each {
		for _, c := range creators {
			owners[f.queue(t, c)] = c.user.Email
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var sweeping sync.WaitGroup
	sweeping.Go(func() {
		for ctx.Err() == nil {
			ids, err := f.renderer.MarkDue(ctx, task.Due{RepushAfter: time.Hour, Batch: 100})
			if err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			for _, id := range ids {
				f.pushed <- id
			}
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		}
	})
	f.work(t, 16, func() bool {
		var n int32
		if err := f.store.Pool().QueryRow(context.Background(), "select count(*) from jobs where finished_at is not null").Scan(&n); err != nil {
			t.Error(err)
		}
		return n == accounts*each
	})
	stop()
	sweeping.Wait()
	require.EqualValues(t, limits.ProviderCalls, g.max["all"])
	for _, c := range creators {
		require.LessOrEqual(t, g.max[c.user.Email], int(limits.UserJobs))
		require.Zero(t, factory.Balance(t, f.store, c.user.ID))
	}
	var open, waiting int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(),
		"select count(*), count(waits_for) from jobs where status in ('queued', 'running')").Scan(&open, &waiting))
	require.Zero(t, open)
	require.Zero(t, waiting)
}

// blocked lets a painter begin, and end when the test says so.
func (f *fixture) blocked() (begun <-chan uuid.UUID, end chan<- error) {
	began, ends := make(chan uuid.UUID), make(chan error)
	f.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
		began <- req.JobID
		if err := <-ends; err != nil {
			return err
		}
		return paints(ctx, req, sink)
	})
	return began, ends
}

// A job that finds no slot of its provider is not the sweeper's to push: the process that frees a slot pushes it.
func TestWaitList_wakesAJobWhenASlotIsFreed(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{
		"succeeded": nil, "failed": &providers.Error{Class: providers.Permanent}, "put back": &providers.Error{Class: providers.Transient, RetryAfter: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setupLimited(t, 0, time.Minute, jobs.Limits{ProviderCalls: 1})
			first, second := f.queue(t, f.creator(t, 1)), f.queue(t, f.creator(t, 1))
			require.Equal(t, []uuid.UUID{first, second}, []uuid.UUID{<-f.pushed, <-f.pushed})
			require.NoError(t, f.runner.Run(t.Context(), first), "which makes the slot, and pushes it again")
			require.Equal(t, first, <-f.pushed)
			begun, end := f.blocked()
			var wg sync.WaitGroup
			wg.Go(func() {
				if err := f.runner.Run(context.Background(), first); err != nil {
					t.Error(err)
				}
			})
			<-begun
			for range 3 {
				require.NoError(t, f.runner.Run(t.Context(), second))
				require.Empty(t, f.mark(t))
				f.nothingPushed(t)
			}
			end <- outcome
			require.Equal(t, second, <-f.pushed)
			wg.Wait()
			f.paint(paints)
			require.NoError(t, f.runner.Run(t.Context(), second))
			row, err := postgres.First(f.store.Queries().JobClaim(t.Context(), db.JobClaimParams{Ids: []uuid.UUID{second}, LeaseSeconds: 1, MaxAttempts: 9}))
			require.Error(t, err, "%s has ended", row.Job.ID)
		})
	}
}
