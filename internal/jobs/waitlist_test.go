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
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
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
	ids, err := w.renderer.MarkDue(t.Context(), task.Due{RepushAfter: time.Hour, Batch: 1000})
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
	const many, places = 200, 2
	for name, slots := range map[string]int{"one slot": 1, "as many slots as places": 2, "more slots than places": 4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setupLimited(t, 0, time.Minute, jobs.Limits{UserJobs: places, ProviderCalls: 16})
			ada, bob := w.creator(t, many), w.creator(t, 1)
			for range many {
				w.queue(t, ada)
			}
			first := w.queue(t, bob)
			var mu sync.Mutex
			var drawn []uuid.UUID
			bobs := make(chan struct{})
			w.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
				mu.Lock()
				drawn = append(drawn, req.JobID)
				mu.Unlock()
				if req.JobID == first {
					close(bobs)
				} else if slots > places {
					<-bobs // Ada's take their time, and need not end before Bob's begins
				}
				return paints(ctx, req, sink)
			})
			w.work(t, slots, func() bool {
				mu.Lock()
				defer mu.Unlock()
				return slices.Contains(drawn, first)
			})
			require.Contains(t, drawn[:min(len(drawn), places+slots)], first)
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
			ids, err := w.renderer.MarkDue(ctx, task.Due{RepushAfter: time.Hour, Batch: 100})
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
		"select count(*), count(waits_for) from jobs where status in ('queued', 'running')").Scan(&open, &held))
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
			require.Error(t, err, "%s has ended", row.Job.ID)
		})
	}
}
