package jobs_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestRenderer_succeedsOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, jobs.JobRequest{Quality: "draft", Variants: 3})
	var wg sync.WaitGroup
	for range 8 { // duplicates in the transport are harmless
		wg.Go(func() {
			if err := f.runner.Run(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	view := f.job(t, id)
	require.Equal(t, "succeeded", view.Job.Status)
	require.EqualValues(t, 1, view.Job.Attempt)
	require.EqualValues(t, 100, view.Job.Progress)
	require.Len(t, view.Renders, 3)
	for i, render := range view.Renders {
		require.EqualValues(t, i+1, render.Variant)
		require.EqualValues(t, 16, *render.Asset.Width)
		require.Equal(t, "ready", render.Asset.Status)
	}
	require.Equal(t, 3, f.stored(t))
	require.Equal(t, "done", f.projectStatus(t))
	require.EqualValues(t, 7, factory.Balance(t, f.store, f.user.ID))
}

func TestRenderer_classifiesFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		painter  painter
		code     string
		attempts int32
	}{
		"transient": {failsWith(providers.Transient), "provider_busy", jobs.MaxAttempts},
		"permanent": {failsWith(providers.Permanent), "provider_failed", 1},
		"blocked":   {failsWith(providers.Blocked), "content_blocked", 1},
		"unknown":   {func(context.Context, providers.ImageRequest, providers.Sink) error { return errors.New("odd") }, "internal", jobs.MaxAttempts},
		"panic":     {func(context.Context, providers.ImageRequest, providers.Sink) error { panic("odd") }, "internal", jobs.MaxAttempts},
		"incomplete": {func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
			req.Variants--
			return paints(ctx, req, sink)
		}, "provider_busy", jobs.MaxAttempts},
		"not an image": {func(ctx context.Context, _ providers.ImageRequest, sink providers.Sink) error {
			_, err := sink.Put(ctx, 1, providers.Picture{ContentType: "image/png", Data: []byte("<html>")})
			return err
		}, "provider_busy", jobs.MaxAttempts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, 10, time.Minute)
			f.paint(c.painter)
			id := f.request(t, jobs.JobRequest{Quality: "draft", Variants: 2})
			for range jobs.MaxAttempts {
				require.NoError(t, f.runner.Run(t.Context(), id))
			}
			job := f.job(t, id).Job
			require.Equal(t, "failed", job.Status)
			require.Equal(t, c.code, *job.ErrorCode)
			require.Equal(t, c.attempts, job.Attempt)
			require.Equal(t, job.CostCredits, job.RefundedCredits)
			require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
			require.Zero(t, f.stored(t), "a broken attempt left pictures behind")
			require.Equal(t, "failed", f.projectStatus(t))
		})
	}
}

func TestRenderer_retriesATransientFailure(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	f.paint(failsWith(providers.Transient))
	id := f.request(t, draft)
	require.NoError(t, f.runner.Run(t.Context(), id))
	job := f.job(t, id).Job
	require.Equal(t, "queued", job.Status)
	require.Equal(t, "waiting", job.Stage)
	require.Equal(t, "provider_busy", *job.ErrorCode)
	require.EqualValues(t, 1, job.Attempt)
	f.paint(paints)
	require.NoError(t, f.runner.Run(t.Context(), id))
	job = f.job(t, id).Job
	require.Equal(t, "succeeded", job.Status)
	require.EqualValues(t, 2, job.Attempt)
	require.Nil(t, job.ErrorCode)
}

// A creator who can do nothing about a failure is not asked to.
func TestRenderer_tellsOurFailuresFromTheCreators(t *testing.T) {
	t.Parallel()
	for _, ours := range []bool{true, false} {
		f := setup(t, 10, time.Minute)
		f.paint(func(context.Context, providers.ImageRequest, providers.Sink) error {
			return &providers.Error{Provider: "painter", Class: providers.Permanent, Reason: "submit_unconfirmed", Ours: ours}
		})
		id := f.request(t, draft)
		require.NoError(t, f.runner.Run(t.Context(), id))
		job := f.job(t, id).Job
		require.Equal(t, "provider_failed", *job.ErrorCode)
		require.Equal(t, !ours, strings.Contains(*job.ErrorMessage, "Change the words or pictures"), *job.ErrorMessage)
		require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
	}
}

// Our own limits are nothing that an attempt should be lost to: a job waits until its vendor may be asked, however often.
func TestRenderer_doesNotCountAThrottledAttempt(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	f.paint(func(context.Context, providers.ImageRequest, providers.Sink) error {
		return &providers.Error{Provider: "painter", Class: providers.Transient, Reason: "circuit_open", Throttled: true}
	})
	id := f.request(t, draft)
	for range 3 * jobs.MaxAttempts {
		require.NoError(t, f.runner.Run(t.Context(), id))
		job := f.job(t, id).Job
		require.Equal(t, "queued", job.Status)
		require.Zero(t, job.Attempt)
	}
	f.paint(paints)
	require.NoError(t, f.runner.Run(t.Context(), id))
	job := f.job(t, id).Job
	require.Equal(t, "succeeded", job.Status)
	require.EqualValues(t, 1, job.Attempt)
}

// A worker that was thought dead comes back with its pictures after another has finished the job.
func TestRenderer_writesNothingWithoutItsLease(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	drawing, resume := make(chan struct{}), make(chan struct{})
	var taken atomic.Bool
	f.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
		err := paints(ctx, req, sink)
		if taken.CompareAndSwap(false, true) {
			close(drawing)
			<-resume
		}
		return err
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.runner.Run(context.Background(), id); err != nil {
			t.Error(err)
		}
	})
	<-drawing
	lapse(t, f, id)
	require.NoError(t, f.runner.Run(t.Context(), id))
	winner := f.job(t, id)
	require.Equal(t, "succeeded", winner.Job.Status)
	close(resume)
	wg.Wait()
	after := f.job(t, id)
	require.Equal(t, winner.Job.Version, after.Job.Version)
	require.Equal(t, winner.Renders, after.Renders)
	require.Equal(t, 1, f.stored(t), "the loser's picture is still there, or the winner's is gone")
	require.EqualValues(t, 9, factory.Balance(t, f.store, f.user.ID))
}

// lapse makes the lease of a job end, as if its worker had been silent.
func lapse(t *testing.T, f *fixture, id uuid.UUID) {
	t.Helper()
	_, err := f.store.Pool().Exec(t.Context(), "update jobs set lease_until = now() - interval '1 second' where id = $1", id)
	require.NoError(t, err)
}

func TestRenderer_renewsItsLease(t *testing.T) {
	t.Parallel()
	const lease = 600 * time.Millisecond
	f := setup(t, 10, lease)
	id := f.request(t, draft)
	f.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
		select {
		case <-time.After(4 * lease):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		return paints(ctx, req, sink)
	})
	require.NoError(t, f.runner.Run(t.Context(), id))
	job := f.job(t, id).Job
	require.Equal(t, "succeeded", job.Status)
	require.EqualValues(t, 1, job.Attempt)
}

// A worker that has to stop gives its job back without using an attempt up.
func TestRenderer_releasesItsJobInADrain(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	ctx, cancel := context.WithCancelCause(context.Background())
	f.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
		err := paints(ctx, req, sink)
		cancel(queue.ErrDraining)
		<-ctx.Done()
		return errors.Join(err, ctx.Err())
	})
	require.NoError(t, f.runner.Run(ctx, id))
	job := f.job(t, id).Job
	require.Equal(t, "queued", job.Status)
	require.Zero(t, job.Attempt)
	require.Nil(t, job.LeaseUntil)
	require.Zero(t, f.stored(t))
}

func TestRenderer_expireRefundsWhatDiedTooOften(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	for range jobs.MaxAttempts {
		_, err := postgres.First(f.store.Queries().JobClaim(t.Context(), db.JobClaimParams{Ids: []uuid.UUID{id}, LeaseSeconds: 60, MaxAttempts: jobs.MaxAttempts}))
		require.NoError(t, err)
		ended, err := f.renderer.Expire(t.Context())
		require.NoError(t, err)
		require.Zero(t, ended, "a living lease was ended")
		lapse(t, f, id)
	}
	ended, err := f.renderer.Expire(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, ended)
	job := f.job(t, id).Job
	require.Equal(t, "failed", job.Status)
	require.Equal(t, "worker_lost", *job.ErrorCode)
	require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
}

// The index refuses a second refund whatever the code does.
func TestJobEnd_refundsOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	_, err := f.service.Cancel(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	_, err = f.store.Pool().Exec(t.Context(), "update jobs set status = 'queued', finished_at = null, refunded_credits = 0 where id = $1", id)
	require.NoError(t, err)
	_, err = f.service.Cancel(t.Context(), f.user.ID, id)
	require.ErrorContains(t, err, "audit_logs_job_action_key")
	require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
}
