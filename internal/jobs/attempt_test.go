package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// Whatever becomes of an attempt that was allowed to draw, the decision is there once it has ended.
func TestRun_writesDownWhatWasAllowedHoweverItEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		painter func(t *testing.T, w *world) painter
		status  string
	}{
		"succeeded": {func(*testing.T, *world) painter { return paints }, "succeeded"},
		"failed":    {func(*testing.T, *world) painter { return failsWith(providers.Permanent) }, "failed"},
		"retried":   {func(*testing.T, *world) painter { return failsWith(providers.Transient) }, "queued"},
		"canceled": {func(t *testing.T, w *world) painter {
			return func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
				_, err := w.service.Cancel(t.Context(), w.user.ID, req.JobID)
				require.NoError(t, err)
				return paints(ctx, req, sink)
			}
		}, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, 10, time.Minute)
			id := w.order(t, draft)
			w.paint(c.painter(t, w))
			require.NoError(t, w.runner.Run(t.Context(), id))
			require.Equal(t, c.status, w.job(t, id).Job.Status)
			require.Equal(t, []string{"content_allowed"}, w.decisions(t))
		})
	}
}

// A picture whose decision can't be written down is shown to nobody.
func TestRun_endsInNothingWithoutItsDecision(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	id := w.order(t, draft)
	w.exec(t, "alter table audit_logs add constraint shut check (action not like 'content%') not valid")
	require.Error(t, w.runner.Run(t.Context(), id))
	job := w.job(t, id)
	require.Equal(t, "running", job.Job.Status, "until its lease lapses")
	require.Empty(t, job.Renders)
}

// A Postgres that crashed may have forgotten a claim. Whoever holds it then must not be taken for who claims after them.
func TestJobClaim_tokensDifferWhateverIsForgotten(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	id := w.order(t, draft)
	before := w.job(t, id).Job
	forgotten, err := w.claim(t.Context(), id, 0)
	require.NoError(t, err)
	w.exec(t, `update jobs set status = 'queued', stage = 'waiting', attempt = 0, started_at = null, lease_until = null,
		lease_token = $2, version = $3 where id = $1`, id, before.LeaseToken, before.Version)
	time.Sleep(2 * time.Millisecond) // a crash takes longer
	claimed, err := w.claim(t.Context(), id, 0)
	require.NoError(t, err)
	require.Greater(t, claimed.Job.LeaseToken, forgotten.Job.LeaseToken)
	require.Greater(t, forgotten.Job.LeaseToken, before.LeaseToken)

	_, err = w.store.Queries().JobEnd(t.Context(), db.JobEndParams{
		ID: id, LedgerID: factory.ID(), Status: "canceled", LeaseToken: &forgotten.Job.LeaseToken,
	})
	require.True(t, postgres.IsNotFound(err), err)
	require.True(t, postgres.IsNotFound(w.release(t.Context(), forgotten)))
	require.NoError(t, w.release(t.Context(), claimed))
}

// A claim does not wait for the disk; whatever follows it on its connection does.
func TestJobClaim_isHastyAlone(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	id := w.order(t, draft)
	conn, err := w.store.Pool().Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	setting := func() (value string) {
		require.NoError(t, conn.QueryRow(t.Context(), "select current_setting('synchronous_commit')").Scan(&value))
		return value
	}
	_, err = conn.Exec(t.Context(), "set synchronous_commit = on") // tests' servers are in a hurry always
	require.NoError(t, err)
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	_, err = db.New(tx).JobClaim(t.Context(), db.JobClaimParams{ID: id, LeaseSeconds: 60, MaxAttempts: 4})
	require.NoError(t, err)
	require.Equal(t, "off", setting())
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, "on", setting())
}
