package worker_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

var errRefused = errors.New("refused")

// More than two of the sweeper's batches, of two kinds, all pushed just now: nothing but the loss of Redis says that
// they have to be pushed again, and the first sweep after it does.
func TestSweeper_pushesAllAfterAFlush(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.backlog(t, 1234)
	f.exec(t, "insert into outbox_mails (id, user_id, kind, pushed_at) values (gen_random_uuid(), $1, 'password_changed', now())", f.user.ID)
	f.sweep(t)
	require.Zero(t, f.depth(t, queue.Generate), "no reason to push yet")

	f.command(t, "FLUSHALL")
	f.sweep(t)
	require.Equal(t, 1234, f.depth(t, queue.Generate))
	require.Equal(t, 1, f.depth(t, queue.Mail))
	f.sweep(t)
	require.Equal(t, 1234, f.depth(t, queue.Generate), "once is enough")
}

// A row that is not due, or that a worker works at, is not lost.
func TestSweeper_leavesWhatIsNotDueAfterAFlush(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.claim(t, f.job(t))
	later := f.job(t)
	f.exec(t, "update jobs set run_at = now() + interval '1 hour' where id = $1", later)
	f.command(t, "FLUSHALL")
	f.sweep(t)
	require.Zero(t, f.depth(t, queue.Generate))
	f.exec(t, "update jobs set run_at = now(), pushed_at = now() - interval '1 second' where id = $1", later)
	f.sweep(t)
	require.Equal(t, 1, f.depth(t, queue.Generate), "due now, and not pushed since")
}

func TestSweeper_refillsWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.backlog(t, 20)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); f.sweeper.Run(ctx) }()
	defer func() { cancel(); <-done }()

	f.command(t, "FLUSHALL")
	begun := time.Now()
	require.Eventually(t, func() bool { return f.depth(t, queue.Generate) == 20 }, long, 10*time.Millisecond)
	t.Logf("refilled after %s", time.Since(begun))
}

// While all is pushed again, Redis refuses: the loss is not forgotten, and nothing stays marked.
func TestSweeper_pushesAllAgainWhereARefillFails(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.backlog(t, 700)
	f.command(t, "FLUSHALL")
	transport := &failing{Transport: f.queue}
	transport.spared.Store(1)
	f.sweeper.Queue = transport
	require.ErrorIs(t, f.sweeper.Sweep(t.Context(), false), errRefused)
	require.Equal(t, 500, f.depth(t, queue.Generate))
	lost, err := f.queue.Lost(t.Context())
	require.NoError(t, err)
	require.True(t, lost)

	f.sweeper.Queue = f.queue
	f.sweep(t)
	require.Equal(t, 1200, f.depth(t, queue.Generate), "all again, since it is not known which of them are there")
}

// The job stands although its id was not pushed, and the sweeper pushes it.
func TestSweeper_pushesWhatTheAPICouldNot(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.refuse.Store(true)
	id := f.job(t)
	f.sweep(t)
	require.Zero(t, f.depth(t, queue.Generate))
	f.age(t, 4*time.Second)
	f.sweep(t)
	require.Equal(t, 1, f.depth(t, queue.Generate))
	require.Equal(t, id, f.claim(t, id).Job.ID)
	require.EqualValues(t, balance-1, factory.Balance(t, f.store, f.user.ID))
}

// A row that waits is not lost: rows wait in long queues. An empty list, though, can't hold what was pushed to it.
func TestSweeper_waitsLongerAfterEachPush(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.backlog(t, 1)
	for _, step := range []struct {
		age  time.Duration // since the last push
		want int           // messages on the list
	}{
		{2 * time.Second, 0},
		{2 * time.Second, 1},  // 3 s on an empty list have passed
		{20 * time.Second, 1}, // now the list has one, and the second push comes after twice 15 s
		{20 * time.Second, 2},
		{50 * time.Second, 2}, // the third after four times
		{20 * time.Second, 3},
	} {
		f.age(t, step.age)
		f.sweep(t)
		require.Equal(t, step.want, f.depth(t, queue.Generate), step)
	}
}

// A row pushed after the oldest in the list waits behind it, for hours if need be. A row pushed before it is not there.
func TestSweeper_leavesWhatWaitsBehindTheOldest(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.backlog(t, 3)
	f.age(t, time.Hour)
	ids := f.byPush(t)
	lost, waiting := ids[0], ids[1:]
	then, err := queue.Open(queue.Config{
		RedisURL: f.redis.URL(), Now: func() time.Time { return time.Now().Add(-time.Hour) },
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, then.Close()) })
	require.NoError(t, then.PushAll(t.Context(), queue.Generate, waiting))
	f.sweep(t)
	require.Equal(t, 2, f.depth(t, queue.Generate))
	f.exec(t, "update jobs set pushed_at = pushed_at - interval '20 s' where id = $1", lost)
	f.sweep(t)
	require.Equal(t, 3, f.depth(t, queue.Generate))
	require.Equal(t, lost, f.byPush(t)[0])
}

func TestSweeper_pushesARetryWhenItIsDue(t *testing.T) {
	t.Parallel()
	f := settled(t)
	job := f.claim(t, f.job(t)).Job
	f.command(t, "DEL", "{mugshot}:jobs:generate")
	_, err := f.store.Queries().JobRetry(t.Context(), db.JobRetryParams{ID: job.ID, LeaseToken: job.LeaseToken, DelaySeconds: 60})
	require.NoError(t, err)
	f.sweep(t)
	require.Zero(t, f.depth(t, queue.Generate))
	f.exec(t, "update jobs set run_at = now()")
	f.sweep(t)
	require.Equal(t, 1, f.depth(t, queue.Generate))
}

// lapse ends all leases.
func (f *fixture) lapse(t *testing.T) {
	t.Helper()
	f.exec(t, "update jobs set lease_until = now() - interval '1 millisecond' where status = 'running'")
}

func TestSweeper_pushesALapsedLease(t *testing.T) {
	t.Parallel()
	f := settled(t)
	id := f.job(t)
	f.claim(t, id)
	f.command(t, "DEL", "{mugshot}:jobs:generate")
	f.sweep(t)
	require.Zero(t, f.depth(t, queue.Generate), "a worker works at it")
	f.lapse(t)
	f.sweep(t)
	f.sweep(t)
	require.Equal(t, 1, f.depth(t, queue.Generate))
	require.EqualValues(t, 2, f.claim(t, id).Job.Attempt)
}

// A lapsed job that waits in a long queue must not fill it with copies of itself.
func TestSweeper_doesNotMultiplyALapsedJob(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.claim(t, f.job(t))
	f.lapse(t)
	for range 60 { // ten minutes
		f.exec(t, "update jobs set pushed_at = pushed_at - interval '10 s', lease_until = lease_until - interval '10 s'")
		f.sweep(t)
	}
	require.LessOrEqual(t, f.depth(t, queue.Generate), 10)
}

func TestSweeper_refundsAfterTheLastAttempt(t *testing.T) {
	t.Parallel()
	f := settled(t)
	id := f.job(t)
	for range jobs.MaxAttempts {
		f.claim(t, id)
		f.lapse(t)
	}
	f.command(t, "DEL", "{mugshot}:jobs:generate")
	f.sweep(t)
	f.sweep(t)
	job := f.row(t, id)
	require.Equal(t, "failed", job.Status)
	require.Equal(t, "worker_lost", *job.ErrorCode)
	require.Equal(t, job.CostCredits, job.RefundedCredits)
	require.EqualValues(t, balance, factory.Balance(t, f.store, f.user.ID))
	require.Zero(t, f.depth(t, queue.Generate))
}

// A sweeper that dies between its mark and its push leaves a row that looks pushed.
func TestSweeper_recoversFromASweeperThatDied(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.backlog(t, 1)
	f.age(t, time.Minute)
	marked, err := f.renderer.MarkDue(t.Context(), task.Due{RepushAfter: time.Second, Batch: 10})
	require.NoError(t, err)
	require.Len(t, marked, 1)
	f.sweep(t)
	require.Zero(t, f.depth(t, queue.Generate))
	f.age(t, 10*time.Second)
	f.sweep(t)
	require.Equal(t, 1, f.depth(t, queue.Generate))
}

// A sweeper that is stopped between its mark and its push takes its mark back.
func TestSweeper_unmarksWhenItIsStopped(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.backlog(t, 1)
	f.age(t, time.Minute)
	ctx, stop := context.WithCancel(t.Context())
	f.sweeper.Queue = &failing{Transport: f.queue, before: stop}
	require.Error(t, f.sweeper.Sweep(ctx, false))
	f.sweeper.Queue = f.queue
	for range 500 { // the lock of the one that was stopped goes with its connection, a little later
		f.sweep(t)
		if f.depth(t, queue.Generate) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Equal(t, 1, f.depth(t, queue.Generate))
}

func TestSweeper_marksNothingWithoutRedis(t *testing.T) {
	t.Parallel()
	f := settled(t)
	id := f.job(t)
	f.age(t, time.Hour)
	before := f.row(t, id)
	f.redis.Kill()
	require.Error(t, f.sweeper.Sweep(t.Context(), false))
	require.Equal(t, before, f.row(t, id), "not marked")
}

// What Redis refuses stays unmarked and is pushed by the next sweep, and other kinds are not kept waiting by it.
func TestSweeper_unmarksWhatRedisRefuses(t *testing.T) {
	t.Parallel()
	f := settled(t)
	f.refuse.Store(true)
	id := f.job(t)
	f.age(t, time.Minute)
	f.exec(t, "insert into outbox_mails (id, user_id, kind) values (gen_random_uuid(), $1, 'password_changed')", f.user.ID)
	f.sweeper.Queue = &failing{Transport: f.queue, kind: queue.Generate}
	require.ErrorIs(t, f.sweeper.Sweep(t.Context(), false), errRefused)
	require.Nil(t, f.row(t, id).PushedAt)
	require.Equal(t, 1, f.depth(t, queue.Mail))
	f.sweeper.Queue = f.queue
	f.sweep(t)
	require.Equal(t, 1, f.depth(t, queue.Generate))
}

// Expiring needs no Redis: credits come back even while it is away.
func TestSweeper_refundsWithoutRedis(t *testing.T) {
	t.Parallel()
	f := settled(t)
	id := f.job(t)
	for range jobs.MaxAttempts {
		f.claim(t, id)
		f.lapse(t)
	}
	f.redis.Kill()
	require.Error(t, f.sweeper.Sweep(t.Context(), false))
	require.Equal(t, "failed", f.row(t, id).Status)
	require.EqualValues(t, balance, factory.Balance(t, f.store, f.user.ID))
}
