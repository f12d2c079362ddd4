package jobs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/testkit/factory"
)

// A cancel locks the job and then its account. What locks them the other way round, as the deletion of an account does,
// makes a deadlock, of which Postgres makes the one that has waited longest the victim: the cancel.
func TestCancel_aDeadlockIsNotTheCreatorsAffair(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	id := w.order(t, draft)
	other, err := w.store.Pool().Begin(t.Context())
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), "select from users where id = $1 for update", w.user.ID)
	require.NoError(t, err)

	type answer struct {
		view jobs.View
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		view, err := w.service.Cancel(t.Context(), w.user.ID, id)
		answered <- answer{view, err}
	}()
	require.Eventually(t, func() bool {
		var waiting bool
		err := w.store.Pool().QueryRow(t.Context(),
			"select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')").Scan(&waiting)
		return err == nil && waiting
	}, 20*time.Second, 5*time.Millisecond)
	_, err = other.Exec(t.Context(), "select from jobs where id = $1 for update", id)
	require.NoError(t, err, "the victim should be the other one")
	require.NoError(t, other.Commit(t.Context()))

	got := <-answered
	require.NoError(t, got.err)
	require.Equal(t, "canceled", got.view.Job.Status)
	require.EqualValues(t, 10, factory.Balance(t, w.store, w.user.ID))
}
