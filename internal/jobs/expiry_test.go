package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// age moves the moment at which a job was queued into the past.
func (w *world) age(t *testing.T, id uuid.UUID, by time.Duration) {
	t.Helper()
	w.exec(t, "update jobs set queued_at = queued_at - make_interval(secs => $2) where id = $1", id, by.Seconds())
}

// Whatever it waits for, a job does not wait for ever, and those behind it move up.
func TestExpire_refundsWhatWaitedTooLong(t *testing.T) {
	t.Parallel()
	w := setupLimited(t, 10, time.Minute, jobs.Limits{UserJobs: 1, MaxAge: time.Hour})
	me := creator{w.user, w.project}
	old, held, young := w.queue(t, me), w.queue(t, me), w.queue(t, me)
	require.Equal(t, old, <-w.pushed)
	w.age(t, old, time.Hour)
	w.age(t, held, time.Hour)
	w.age(t, young, 59*time.Minute)
	ended, err := w.renderer.Expire(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, ended)
	for _, id := range []uuid.UUID{old, held} {
		job := w.job(t, id).Job
		require.Equal(t, "failed", job.Status)
		require.Equal(t, "provider_busy", *job.ErrorCode)
		require.True(t, job.Refunded)
	}
	require.Equal(t, "queued", w.job(t, young).Job.Status)
	require.EqualValues(t, 9, factory.Balance(t, w.store, w.user.ID))
	for len(w.pushed) > 0 {
		if young == <-w.pushed { // the second may have been called before its own end
			break
		}
	}
	require.NoError(t, w.runner.Run(t.Context(), young))
	require.Equal(t, "succeeded", w.job(t, young).Job.Status)
}

// An attempt that has begun is allowed to end; one whose worker died is not repeated.
func TestExpire_leavesWhatIsDrawn(t *testing.T) {
	t.Parallel()
	w := setupLimited(t, 10, time.Minute, jobs.Limits{MaxAge: time.Hour})
	id := w.order(t, draft)
	begun, end := w.blocked()
	done := make(chan error, 1)
	go func() { done <- w.runner.Run(context.Background(), id) }()
	<-begun
	w.age(t, id, 2*time.Hour)
	ended, err := w.renderer.Expire(t.Context())
	require.NoError(t, err)
	require.Zero(t, ended)
	lapse(t, w, id)
	ended, err = w.renderer.Expire(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	require.Equal(t, "worker_lost", *w.job(t, id).Job.ErrorCode)
	end <- nil
	require.NoError(t, <-done)
	require.Equal(t, "failed", w.job(t, id).Job.Status)
	require.Zero(t, w.stored(t))
	require.EqualValues(t, 10, factory.Balance(t, w.store, w.user.ID))
}

// A job does not wait for an attempt that would come too late.
func TestRun_givesUpWhereARetryWouldComeTooLate(t *testing.T) {
	t.Parallel()
	w := setupLimited(t, 10, time.Minute, jobs.Limits{MaxAge: time.Hour})
	w.paint(failsWith(providers.Transient))
	soon, late := w.order(t, draft), w.order(t, draft)
	w.age(t, late, time.Hour)
	for _, id := range []uuid.UUID{soon, late} {
		require.NoError(t, w.runner.Run(t.Context(), id))
	}
	require.Equal(t, "queued", w.job(t, soon).Job.Status)
	job := w.job(t, late).Job
	require.Equal(t, "failed", job.Status)
	require.EqualValues(t, 1, job.Attempt)
	require.Equal(t, "provider_busy", *job.ErrorCode)
	require.EqualValues(t, 9, factory.Balance(t, w.store, w.user.ID))
}

// What the vendor asks for is waited for, within reason.
func TestRun_honoursRetryAfter(t *testing.T) {
	t.Parallel()
	for asked, granted := range map[time.Duration]time.Duration{40 * time.Second: 40 * time.Second, 3 * time.Hour: 10 * time.Minute} {
		w := setupLimited(t, 10, time.Minute, jobs.Limits{MaxAge: time.Hour})
		w.paint(func(context.Context, providers.ImageRequest, providers.Sink) error {
			return &providers.Error{Provider: "painter", Class: providers.Transient, RetryAfter: asked}
		})
		id := w.order(t, draft)
		require.NoError(t, w.runner.Run(t.Context(), id))
		var wait float64
		require.NoError(t, w.store.Pool().QueryRow(t.Context(),
			"select extract(epoch from run_at - started_at)::float8 from jobs where id = $1", id).Scan(&wait))
		require.InDelta(t, granted.Seconds(), wait, 20, "asked for %s", asked)
		require.GreaterOrEqual(t, wait, granted.Seconds())
	}
}
