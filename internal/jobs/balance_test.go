package jobs_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// told sums what a world is told of credits that moved.
type told struct {
	mu  sync.Mutex
	sum map[string]int64
}

func (m *told) add(action string, amount int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sum == nil {
		m.sum = map[string]int64{}
	}
	m.sum[action] += amount
}

// Whatever moves credits tells of exactly those that the ledger has in the end.
func TestMoved_isWhatTheLedgerSays(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	drawn := w.order(t, draft)
	require.NoError(t, w.runner.Run(t.Context(), drawn))
	_, err := w.service.Cancel(t.Context(), w.user.ID, w.order(t, draft))
	require.NoError(t, err)
	_, err = w.service.Cancel(t.Context(), w.user.ID, drawn)
	require.ErrorIs(t, err, jobs.ErrFinished)

	key := idempotency.Key{Operation: "queueProject", Value: "k"}
	for range 2 { // the second is a replay, and charges nobody
		_, _, err = w.service.Queue(t.Context(), w.user.ID, w.project.ID, draft, key)
		require.NoError(t, err)
	}
	w.paint(failsWith(providers.Permanent))
	failed := <-w.pushed
	require.NoError(t, w.runner.Run(t.Context(), failed))
	_, err = w.service.Repeat(t.Context(), failed)
	require.NoError(t, err)
	require.NoError(t, w.service.DeleteProject(t.Context(), w.user.ID, w.project.ID))
	w.project = factory.Project(t, w.store, w.user.ID, nil)
	poor := jobs.JobRequest{Quality: "4k", Variants: 4}
	_, _, err = w.service.Queue(t.Context(), w.user.ID, w.project.ID, poor, noKey)
	require.ErrorIs(t, err, jobs.ErrInsufficientCredits)

	require.Equal(t, map[string]int64{credits.JobCharge: 4, credits.JobRefund: 3}, w.moved.sum)
	require.Equal(t, w.moved.sum, w.ledger(t))
}

// ledger sums what the ledger has of charges and refunds.
func (w *world) ledger(t *testing.T) map[string]int64 {
	t.Helper()
	rows, err := w.store.Pool().Query(t.Context(),
		"select action, abs(sum(delta_credits))::bigint from audit_logs where job_id is not null and delta_credits <> 0 group by action")
	require.NoError(t, err)
	defer rows.Close()
	sums := map[string]int64{}
	for rows.Next() {
		var action string
		var sum int64
		require.NoError(t, rows.Scan(&action, &sum))
		sums[action] = sum
	}
	require.NoError(t, rows.Err())
	return sums
}
