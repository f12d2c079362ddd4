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
func TestSweep_redisFlushed(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.backlog(t, 1234)
	w.exec(t, "insert into outbox_mails (id, user_id, kind, pushed_at) values (gen_random_uuid(), $1, 'password_changed', now())", w.user.ID)
	w.sweep(t)
	require.Zero(t, w.depth(t, queue.Generate), "no reason to push yet")

	w.command(t, "FLUSHALL")
	w.sweep(t)
	require.Equal(t, 1234, w.depth(t, queue.Generate))
	require.Equal(t, 1, w.depth(t, queue.Mail))
	w.sweep(t)
	require.Equal(t, 1234, w.depth(t, queue.Generate), "once is enough")
}

// What is not due and what somebody works at is nobody's loss.
func TestSweep_redisFlushedLeavesTheRest(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.claim(t, w.job(t))
	later := w.job(t)
	w.exec(t, "update jobs set run_at = now() + interval '1 hour' where id = $1", later)
	w.command(t, "FLUSHALL")
	w.sweep(t)
	require.Zero(t, w.depth(t, queue.Generate))
	w.exec(t, "update jobs set run_at = now(), pushed_at = now() - interval '1 second' where id = $1", later)
	w.sweep(t)
	require.Equal(t, 1, w.depth(t, queue.Generate), "due now, and not pushed since")
}

func TestRun_refillsWithinTwoSeconds(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.backlog(t, 20)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); w.sweeper.Run(ctx) }()
	defer func() { cancel(); <-done }()

	w.command(t, "FLUSHALL")
	begun := time.Now()
	require.Eventually(t, func() bool { return w.depth(t, queue.Generate) == 20 }, long, 10*time.Millisecond)
	t.Logf("refilled after %s", time.Since(begun))
}

// While all is pushed again, Redis refuses: the loss is not forgotten, and nothing stays marked.
func TestSweep_refillFailsHalfway(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.backlog(t, 700)
	w.command(t, "FLUSHALL")
	transport := &failing{Transport: w.queue}
	transport.spared.Store(1)
	w.sweeper.Queue = transport
	require.ErrorIs(t, w.sweeper.Sweep(t.Context(), false), errRefused)
	require.Equal(t, 500, w.depth(t, queue.Generate))
	lost, err := w.queue.Lost(t.Context())
	require.NoError(t, err)
	require.True(t, lost)

	w.sweeper.Queue = w.queue
	w.sweep(t)
	require.Equal(t, 1200, w.depth(t, queue.Generate), "all again, as nobody knows which of them are there")
}

// The order stands although nobody was told of it, and the sweeper tells.
func TestSweep_pushFailed(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.refuse.Store(true)
	id := w.job(t)
	w.sweep(t)
	require.Zero(t, w.depth(t, queue.Generate))
	w.age(t, 4*time.Second)
	w.sweep(t)
	require.Equal(t, 1, w.depth(t, queue.Generate))
	require.Equal(t, id, w.claim(t, id).Job.ID)
	require.EqualValues(t, balance-1, factory.Balance(t, w.store, w.user.ID))
}

// Waiting is no loss: tasks wait in long queues. An empty list, though, can't hold what was pushed to it.
func TestSweep_patience(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.backlog(t, 1)
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
		w.age(t, step.age)
		w.sweep(t)
		require.Equal(t, step.want, w.depth(t, queue.Generate), step)
	}
}

// Whoever came after the oldest in the list waits behind it, for hours if need be. Who came before it is not there.
func TestSweep_longQueue(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.backlog(t, 3)
	w.age(t, time.Hour)
	ids := w.byPush(t)
	lost, waiting := ids[0], ids[1:]
	then, err := queue.Open(queue.Config{
		RedisURL: w.redis.URL(), Now: func() time.Time { return time.Now().Add(-time.Hour) },
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, then.Close()) })
	require.NoError(t, then.PushAll(t.Context(), queue.Generate, waiting))
	w.sweep(t)
	require.Equal(t, 2, w.depth(t, queue.Generate))
	w.exec(t, "update jobs set pushed_at = pushed_at - interval '20 s' where id = $1", lost)
	w.sweep(t)
	require.Equal(t, 3, w.depth(t, queue.Generate))
	require.Equal(t, lost, w.byPush(t)[0])
}

func TestSweep_retriedWhenDue(t *testing.T) {
	t.Parallel()
	w := settled(t)
	job := w.claim(t, w.job(t)).Job
	w.command(t, "DEL", "{mugshot}:jobs:generate")
	_, err := w.store.Queries().JobRetry(t.Context(), db.JobRetryParams{ID: job.ID, LeaseToken: job.LeaseToken, DelaySeconds: 60})
	require.NoError(t, err)
	w.sweep(t)
	require.Zero(t, w.depth(t, queue.Generate))
	w.exec(t, "update jobs set run_at = now()")
	w.sweep(t)
	require.Equal(t, 1, w.depth(t, queue.Generate))
}

// lapse ends all leases.
func (w *world) lapse(t *testing.T) {
	t.Helper()
	w.exec(t, "update jobs set lease_until = now() - interval '1 millisecond' where status = 'running'")
}

func TestSweep_lapsedLease(t *testing.T) {
	t.Parallel()
	w := settled(t)
	id := w.job(t)
	w.claim(t, id)
	w.command(t, "DEL", "{mugshot}:jobs:generate")
	w.sweep(t)
	require.Zero(t, w.depth(t, queue.Generate), "somebody works at it")
	w.lapse(t)
	w.sweep(t)
	w.sweep(t)
	require.Equal(t, 1, w.depth(t, queue.Generate))
	require.EqualValues(t, 2, w.claim(t, id).Job.Attempt)
}

// A lapsed job that waits in a long queue must not fill it with copies of itself.
func TestSweep_lapsedLeaseWaits(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.claim(t, w.job(t))
	w.lapse(t)
	for range 60 { // ten minutes
		w.exec(t, "update jobs set pushed_at = pushed_at - interval '10 s', lease_until = lease_until - interval '10 s'")
		w.sweep(t)
	}
	require.LessOrEqual(t, w.depth(t, queue.Generate), 10)
}

func TestSweep_exhausted(t *testing.T) {
	t.Parallel()
	w := settled(t)
	id := w.job(t)
	for range jobs.MaxAttempts {
		w.claim(t, id)
		w.lapse(t)
	}
	w.command(t, "DEL", "{mugshot}:jobs:generate")
	w.sweep(t)
	w.sweep(t)
	job := w.row(t, id)
	require.Equal(t, "failed", job.Status)
	require.Equal(t, "worker_lost", *job.ErrorCode)
	require.True(t, job.Refunded)
	require.EqualValues(t, balance, factory.Balance(t, w.store, w.user.ID))
	require.Zero(t, w.depth(t, queue.Generate))
}

// A sweeper that dies between its mark and its push leaves a row that looks pushed.
func TestSweep_diedAfterMark(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.backlog(t, 1)
	w.age(t, time.Minute)
	marked, err := w.renderer.MarkDue(t.Context(), task.Due{RepushAfter: time.Second, Batch: 10})
	require.NoError(t, err)
	require.Len(t, marked, 1)
	w.sweep(t)
	require.Zero(t, w.depth(t, queue.Generate))
	w.age(t, 10*time.Second)
	w.sweep(t)
	require.Equal(t, 1, w.depth(t, queue.Generate))
}

// One that is told to stop between the two takes its mark back.
func TestSweep_stoppedAfterMark(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.backlog(t, 1)
	w.age(t, time.Minute)
	ctx, stop := context.WithCancel(t.Context())
	w.sweeper.Queue = &failing{Transport: w.queue, before: stop}
	require.Error(t, w.sweeper.Sweep(ctx, false))
	w.sweeper.Queue = w.queue
	for range 500 { // the lock of the one that was stopped goes with its connection, a little later
		w.sweep(t)
		if w.depth(t, queue.Generate) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	require.Equal(t, 1, w.depth(t, queue.Generate))
}

func TestSweep_redisAway(t *testing.T) {
	t.Parallel()
	w := settled(t)
	id := w.job(t)
	w.age(t, time.Hour)
	before := w.row(t, id)
	w.redis.Kill()
	require.Error(t, w.sweeper.Sweep(t.Context(), false))
	require.Equal(t, before, w.row(t, id), "not marked")
}

// What Redis refuses stays unmarked and is pushed by the next sweep, and other kinds are not kept waiting by it.
func TestSweep_redisRefuses(t *testing.T) {
	t.Parallel()
	w := settled(t)
	w.refuse.Store(true)
	id := w.job(t)
	w.age(t, time.Minute)
	w.exec(t, "insert into outbox_mails (id, user_id, kind) values (gen_random_uuid(), $1, 'password_changed')", w.user.ID)
	w.sweeper.Queue = &failing{Transport: w.queue, kind: queue.Generate}
	require.ErrorIs(t, w.sweeper.Sweep(t.Context(), false), errRefused)
	require.Nil(t, w.row(t, id).PushedAt)
	require.Equal(t, 1, w.depth(t, queue.Mail))
	w.sweeper.Queue = w.queue
	w.sweep(t)
	require.Equal(t, 1, w.depth(t, queue.Generate))
}

// Expiring needs no Redis: credits come back even while it is away.
func TestSweep_exhaustedWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	w := settled(t)
	id := w.job(t)
	for range jobs.MaxAttempts {
		w.claim(t, id)
		w.lapse(t)
	}
	w.redis.Kill()
	require.Error(t, w.sweeper.Sweep(t.Context(), false))
	require.Equal(t, "failed", w.row(t, id).Status)
	require.EqualValues(t, balance, factory.Balance(t, w.store, w.user.ID))
}
