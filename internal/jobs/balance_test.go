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

// balances sums the changes of balances that the fixture observes.
type balances struct {
	mu  sync.Mutex
	sum map[string]int64
}

func (m *balances) add(action string, amount int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sum == nil {
		m.sum = map[string]int64{}
	}
	m.sum[action] += amount
}

// What is observed of balances is exactly what the ledger has in the end.
func TestBalanceObserver_hearsWhatTheLedgerSays(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	drawn := f.request(t, draft)
	require.NoError(t, f.runner.Run(t.Context(), drawn))
	_, err := f.service.Cancel(t.Context(), f.user.ID, f.request(t, draft))
	require.NoError(t, err)
	_, err = f.service.Cancel(t.Context(), f.user.ID, drawn)
	require.ErrorIs(t, err, jobs.ErrFinished)

	key := idempotency.Key{Operation: "queueProject", Value: "k"}
	for range 2 { // the second is a replay, and charges nothing
		_, _, err = f.service.Queue(t.Context(), f.user.ID, f.project.ID, draft, key)
		require.NoError(t, err)
	}
	f.paint(failsWith(providers.Permanent))
	failed := <-f.pushed
	require.NoError(t, f.runner.Run(t.Context(), failed))
	_, err = f.service.Repeat(t.Context(), failed)
	require.NoError(t, err)
	require.NoError(t, f.service.DeleteProject(t.Context(), f.user.ID, f.project.ID))
	f.project = factory.Project(t, f.store, f.user.ID, nil)
	poor := jobs.JobRequest{Quality: "4k", Variants: 4}
	_, _, err = f.service.Queue(t.Context(), f.user.ID, f.project.ID, poor, noKey)
	require.ErrorIs(t, err, jobs.ErrInsufficientCredits)

	require.Equal(t, map[string]int64{credits.JobCharge: 4, credits.JobRefund: 3}, f.balances.sum)
	require.Equal(t, f.balances.sum, f.ledger(t))
}

// ledger sums what the ledger has of charges and refunds.
func (f *fixture) ledger(t *testing.T) map[string]int64 {
	t.Helper()
	rows, err := f.store.Pool().Query(t.Context(),
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
