package ledger_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/ops/ledger"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// Each kind of violation is counted, and sound rows are not.
func TestChecker_countsEachViolationAmongTheNewestJobs(t *testing.T) {
	t.Parallel()
	f := setup(t, 10)
	succeeded := f.queue(t)
	f.succeed(t, succeeded)
	canceled := f.queue(t)
	_, err := f.jobs.Cancel(t.Context(), f.user.ID, canceled)
	require.NoError(t, err)
	waiting := f.queue(t)
	withoutJobs := factory.User(t, f.store, 0)
	found, err := f.CheckNewest(t.Context())
	require.NoError(t, err)
	require.Zero(t, found)
	const refund = `insert into audit_logs (id, user_id, action, job_id)
		select gen_random_uuid(), user_id, 'job_refund', id from jobs where id = $1`
	const entry = "update audit_logs set delta_credits = delta_credits - 1 where job_id = $1 and action = 'job_charge'"
	for name, c := range map[string]struct {
		sql  string
		arg  any
		want ledger.Violations
	}{
		"not charged":             {"delete from audit_logs where job_id = $1 and action = 'job_charge'", waiting, ledger.Violations{Jobs: 1, Accounts: 1}},
		"not refunded":            {"update audit_logs set action = 'other' where job_id = $1 and action = 'job_refund'", canceled, ledger.Violations{Jobs: 1}},
		"refunded for nothing":    {refund, succeeded, ledger.Violations{Jobs: 1}},
		"a balance":               {"update users set credits = credits + 1 where id = $1", f.user.ID, ledger.Violations{Accounts: 1}},
		"an entry's sum":          {entry, succeeded, ledger.Violations{Jobs: 1, Accounts: 1}},
		"an account without jobs": {"update users set credits = 7 where id = $1", withoutJobs.ID, ledger.Violations{}},
	} {
		tx, err := f.store.Pool().Begin(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { _ = tx.Rollback(context.Background()) }) // where a check fails
		tag, err := tx.Exec(t.Context(), c.sql, c.arg)
		require.NoError(t, err, name)
		require.EqualValues(t, 1, tag.RowsAffected(), name)
		found, err := db.New(tx).LedgerViolations(t.Context(), 1000)
		require.NoError(t, err)
		require.Equal(t, c.want, ledger.Violations(found), name)
		require.NoError(t, tx.Rollback(t.Context()))
	}
}

// What CheckNewest does not look at, CheckAll finds: an asset without its object, and an account without jobs.
func TestChecker_findsInAllRowsWhatTheNewestDoNotShow(t *testing.T) {
	t.Parallel()
	f := setup(t, 10)
	f.queue(t)
	sound, err := f.CheckAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, ledger.Report{Jobs: 1}, sound)

	withoutJobs, asset := factory.User(t, f.store, 0), factory.ID()
	_, err = f.store.Pool().Exec(t.Context(), "update users set credits = 7 where id = $1", withoutJobs.ID)
	require.NoError(t, err)
	_, err = f.store.Pool().Exec(t.Context(), `insert into assets (id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5)
		values ($1, $2, 'render', 'ready', 'renders', 'gone.png', 'image/png', 9, 16, 9, repeat('0', 32))`, asset, f.user.ID)
	require.NoError(t, err)
	report, err := f.CheckAll(t.Context())
	require.NoError(t, err)
	require.Equal(t, ledger.Report{Jobs: 1, Assets: 1, Violations: []string{
		"account " + withoutJobs.ID.String() + " has 7 credits, and a ledger of 0",
		"asset " + asset.String() + " has no object in renders",
	}}, report)
}
