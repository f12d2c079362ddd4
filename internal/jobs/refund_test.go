package jobs_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// A cancel gives back what was not asked of the vendor, at every number of variants begun, and the account and the ledger have
// the same amount.
func TestCancelJob_200_keepsWhatWasBegun(t *testing.T) {
	t.Parallel()
	four := jobs.JobRequest{Quality: catalog.Std, Variants: 4} // 2 credits a variant
	for begun := range 5 {
		f := setup(t, 10, time.Minute)
		id := f.request(t, four)
		drawing := make(chan struct{})
		f.paint(func(ctx context.Context, _ providers.ImageRequest, sink providers.Sink) error {
			for variant := range begun {
				if err := sink.Begin(ctx, variant+1); err != nil {
					return err
				}
			}
			close(drawing)
			<-ctx.Done()
			return ctx.Err()
		})
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := f.runner.Run(context.Background(), id); err != nil {
				t.Error(err)
			}
		})
		<-drawing
		price := f.job(t, id).Job.CostCredits
		canceled, err := f.service.Cancel(t.Context(), f.user.ID, id)
		require.NoError(t, err)
		wg.Wait()
		kept := price * int64(begun) / 4
		require.Equal(t, price-kept, canceled.Job.RefundedCredits, "%d begun", begun)
		require.Equal(t, 10-kept, factory.Balance(t, f.store, f.user.ID), "%d begun", begun)
		found, err := f.store.Queries().LedgerViolations(t.Context(), 10)
		require.NoError(t, err)
		require.Zero(t, found, "%d begun", begun)
		page, err := f.store.Queries().LedgerJobPage(t.Context(), db.LedgerJobPageParams{PageSize: 10})
		require.NoError(t, err)
		require.True(t, page[0].Balanced, "%d begun", begun)
	}
}

// What an attempt had begun does not count any more once it has failed: the job that waits gives everything back.
func TestCancelJob_200_betweenTwoAttempts(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	f.paint(func(ctx context.Context, _ providers.ImageRequest, sink providers.Sink) error {
		err := sink.Begin(ctx, 1)
		return errors.Join(err, &providers.Error{Provider: "painter", Class: providers.Transient, Reason: "TEST"})
	})
	require.NoError(t, f.runner.Run(t.Context(), id))
	require.Equal(t, "queued", f.job(t, id).Job.Status)
	canceled, err := f.service.Cancel(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	require.Equal(t, canceled.Job.CostCredits, canceled.Job.RefundedCredits)
	require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
}

// A worker whose job was cancelled asks the vendor for nothing more, although no event tells it.
func TestRenderer_beginsNothingAfterACancel(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	f.paint(func(ctx context.Context, _ providers.ImageRequest, sink providers.Sink) error {
		_, err := f.store.Queries().JobEnd(ctx, db.JobEndParams{ID: id, LedgerID: factory.ID(), Status: "canceled"})
		if err != nil {
			return err
		}
		require.ErrorIs(t, sink.Begin(ctx, 1), task.ErrLeaseLost)
		return task.ErrLeaseLost
	})
	require.NoError(t, f.runner.Run(t.Context(), id))
	job := f.job(t, id).Job
	require.Equal(t, "canceled", job.Status)
	require.Zero(t, job.VariantsBegun)
	require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
}
