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
func (f *fixture) age(t *testing.T, id uuid.UUID, by time.Duration) {
	t.Helper()
	f.exec(t, "update jobs set queued_at = queued_at - make_interval(secs => $2) where id = $1", id, by.Seconds())
}

// Whatever it waits for, a job does not wait for ever, and those behind it move up.
func TestRenderer_expireRefundsWhatWaitedTooLong(t *testing.T) {
	t.Parallel()
	f := setupLimited(t, 10, time.Minute, jobs.Limits{UserJobs: 1, MaxAge: time.Hour})
	me := creator{f.user, f.project}
	old, waiting, young := f.queue(t, me), f.queue(t, me), f.queue(t, me)
	require.Equal(t, old, <-f.pushed)
	f.age(t, old, time.Hour)
	f.age(t, waiting, time.Hour)
	f.age(t, young, 59*time.Minute)
	ended, err := f.renderer.Expire(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, ended)
	for _, id := range []uuid.UUID{old, waiting} {
		job := f.job(t, id).Job
		require.Equal(t, "failed", job.Status)
		require.Equal(t, "provider_busy", *job.ErrorCode)
		require.Equal(t, job.CostCredits, job.RefundedCredits)
	}
	require.Equal(t, "queued", f.job(t, young).Job.Status)
	require.EqualValues(t, 9, factory.Balance(t, f.store, f.user.ID))
	for len(f.pushed) > 0 {
		if young == <-f.pushed { // the second may have been called before its own end
			break
		}
	}
	require.NoError(t, f.runner.Run(t.Context(), young))
	require.Equal(t, "succeeded", f.job(t, young).Job.Status)
}

// An attempt that has begun is allowed to end; one whose worker died is not repeated.
func TestRenderer_expireLeavesWhatIsDrawn(t *testing.T) {
	t.Parallel()
	f := setupLimited(t, 10, time.Minute, jobs.Limits{MaxAge: time.Hour})
	id := f.request(t, draft)
	begun, end := f.blocked()
	done := make(chan error, 1)
	go func() { done <- f.runner.Run(context.Background(), id) }()
	<-begun
	f.age(t, id, 2*time.Hour)
	ended, err := f.renderer.Expire(t.Context())
	require.NoError(t, err)
	require.Zero(t, ended)
	lapse(t, f, id)
	ended, err = f.renderer.Expire(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	require.Equal(t, "worker_lost", *f.job(t, id).Job.ErrorCode)
	end <- nil
	require.NoError(t, <-done)
	require.Equal(t, "failed", f.job(t, id).Job.Status)
	require.Zero(t, f.stored(t))
	require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
}

// A job does not wait for an attempt that would come too late.
func TestRenderer_failsWhereARetryWouldComeTooLate(t *testing.T) {
	t.Parallel()
	f := setupLimited(t, 10, time.Minute, jobs.Limits{MaxAge: time.Hour})
	f.paint(failsWith(providers.Transient))
	soon, late := f.request(t, draft), f.request(t, draft)
	f.age(t, late, time.Hour)
	for _, id := range []uuid.UUID{soon, late} {
		require.NoError(t, f.runner.Run(t.Context(), id))
	}
	require.Equal(t, "queued", f.job(t, soon).Job.Status)
	job := f.job(t, late).Job
	require.Equal(t, "failed", job.Status)
	require.EqualValues(t, 1, job.Attempt)
	require.Equal(t, "provider_busy", *job.ErrorCode)
	require.EqualValues(t, 9, factory.Balance(t, f.store, f.user.ID))
}

// What the vendor asks for is waited for, within reason.
func TestRenderer_honoursRetryAfter(t *testing.T) {
	t.Parallel()
	for asked, granted := range map[time.Duration]time.Duration{40 * time.Second: 40 * time.Second, 3 * time.Hour: 10 * time.Minute} {
		f := setupLimited(t, 10, time.Minute, jobs.Limits{MaxAge: time.Hour})
		f.paint(func(context.Context, providers.ImageRequest, providers.Sink) error {
			return &providers.Error{Provider: "painter", Class: providers.Transient, RetryAfter: asked}
		})
		id := f.request(t, draft)
		require.NoError(t, f.runner.Run(t.Context(), id))
		var wait float64
		require.NoError(t, f.store.Pool().QueryRow(t.Context(),
			"select extract(epoch from run_at - started_at)::float8 from jobs where id = $1", id).Scan(&wait))
		require.InDelta(t, granted.Seconds(), wait, 20, "asked for %s", asked)
		require.GreaterOrEqual(t, wait, granted.Seconds())
	}
}
