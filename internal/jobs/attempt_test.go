package jobs_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// Whatever becomes of an attempt that was allowed to draw, the decision is there once it has ended.
func TestRenderer_recordsTheDecisionHoweverTheAttemptEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		painter func(t *testing.T, f *fixture) painter
		status  string
	}{
		"succeeded": {func(*testing.T, *fixture) painter { return paints }, "succeeded"},
		"failed":    {func(*testing.T, *fixture) painter { return failsWith(providers.Permanent) }, "failed"},
		"retried":   {func(*testing.T, *fixture) painter { return failsWith(providers.Transient) }, "queued"},
		"canceled": {func(t *testing.T, f *fixture) painter {
			return func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
				_, err := f.service.Cancel(t.Context(), f.user.ID, req.JobID)
				require.NoError(t, err)
				return paints(ctx, req, sink)
			}
		}, "canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t, 10, time.Minute)
			id := f.request(t, draft)
			f.paint(c.painter(t, f))
			require.NoError(t, f.runner.Run(t.Context(), id))
			require.Equal(t, c.status, f.job(t, id).Job.Status)
			require.Equal(t, []string{"content_allowed"}, f.decisions(t))
		})
	}
}

// A picture whose decision can't be recorded is not shown.
func TestRenderer_endsNoJobWithoutItsDecision(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	f.exec(t, "alter table audit_logs add constraint shut check (action not like 'content%') not valid")
	require.Error(t, f.runner.Run(t.Context(), id))
	job := f.job(t, id)
	require.Equal(t, "running", job.Job.Status, "until its lease lapses")
	require.Empty(t, job.Renders)
}

// A Postgres that crashed may have forgotten a claim. Whoever holds it then must not be taken for who claims after them.
func TestJobClaim_tokensDifferWhateverIsForgotten(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	before := f.job(t, id).Job
	forgotten, err := f.claim(t.Context(), id, 0)
	require.NoError(t, err)
	f.exec(t, `update jobs set status = 'queued', stage = 'waiting', attempt = 0, started_at = null, lease_until = null,
		lease_token = $2, version = $3 where id = $1`, id, before.LeaseToken, before.Version)
	time.Sleep(2 * time.Millisecond) // a crash takes longer
	claimed, err := f.claim(t.Context(), id, 0)
	require.NoError(t, err)
	require.Greater(t, claimed.Job.LeaseToken, forgotten.Job.LeaseToken)
	require.Greater(t, forgotten.Job.LeaseToken, before.LeaseToken)

	_, err = f.store.Queries().JobEnd(t.Context(), db.JobEndParams{
		ID: id, LedgerID: factory.ID(), Status: "canceled", LeaseToken: &forgotten.Job.LeaseToken,
	})
	require.True(t, postgres.IsNotFound(err), err)
	require.True(t, postgres.IsNotFound(f.release(t.Context(), forgotten)))
	require.NoError(t, f.release(t.Context(), claimed))
}

// A claim does not wait for the disk; whatever follows it on its connection does.
func TestJobClaim_aloneDoesNotWaitForTheDisk(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	conn, err := f.store.Pool().Acquire(t.Context())
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
	_, err = postgres.First(db.New(tx).JobClaim(t.Context(), db.JobClaimParams{Ids: []uuid.UUID{id}, LeaseSeconds: 60, MaxAttempts: 4}))
	require.NoError(t, err)
	require.Equal(t, "off", setting())
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, "on", setting())
}
