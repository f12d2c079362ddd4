package jobs_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// A cancel locks the job and then its account. What locks them the other way round, as the deletion of an account does, makes a
// deadlock. Of the two Postgres ends the one that looks for a deadlock first, a second after it began to wait: on a busy machine
// that may be the other one, and then the case is made once more.
func TestCancelJob_200_afterADeadlock(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	for range 10 {
		view, isVictim := f.cancelInDeadlock(t, f.request(t, draft))
		require.Equal(t, "canceled", view.Job.Status)
		require.EqualValues(t, 10, factory.Balance(t, f.store, f.user.ID))
		if isVictim {
			return
		}
	}
	require.FailNow(t, "Postgres never ended the cancel")
}

// cancelInDeadlock cancels a job while another transaction holds the account and then wants the job. It tells whether the
// cancel was the one that Postgres ended.
func (f *fixture) cancelInDeadlock(t *testing.T, id uuid.UUID) (view jobs.View, isVictim bool) {
	t.Helper()
	other, err := f.store.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = other.Rollback(t.Context()) }() // which does nothing after the commit
	_, err = other.Exec(t.Context(), "select from users where id = $1 for update", f.user.ID)
	require.NoError(t, err)
	answered := make(chan error, 1)
	go func() {
		var err error
		view, err = f.service.Cancel(t.Context(), f.user.ID, id)
		answered <- err
	}()
	require.Eventually(t, func() bool {
		var waiting bool
		err := f.store.Pool().QueryRow(t.Context(),
			"select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')").Scan(&waiting)
		return err == nil && waiting
	}, 20*time.Second, 5*time.Millisecond)
	_, err = other.Exec(t.Context(), "select from jobs where id = $1 for update", id)
	if isVictim = err == nil; isVictim {
		require.NoError(t, other.Commit(t.Context()))
	} else {
		require.True(t, postgres.IsRetryable(err), "%v", err)
		require.NoError(t, other.Rollback(t.Context()))
	}
	require.NoError(t, <-answered)
	return view, isVictim
}
