package jobs_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// Each way in which the books may be broken is seen, and no sound book is called broken.
func TestBroken_seesWhatDoesNotAddUp(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	ended := w.order(t, draft)
	require.NoError(t, w.runner.Run(t.Context(), ended))
	canceled := w.order(t, draft)
	_, err := w.service.Cancel(t.Context(), w.user.ID, canceled)
	require.NoError(t, err)
	waiting := w.order(t, draft)
	pauper := factory.User(t, w.store, 0)
	found, err := credits.NewService(w.store, factory.ID).Broken(t.Context())
	require.NoError(t, err)
	require.Zero(t, found)
	const refund = `insert into audit_logs (id, user_id, action, job_id)
		select gen_random_uuid(), user_id, 'job_refund', id from jobs where id = $1`
	const entry = "update audit_logs set delta_credits = delta_credits - 1 where job_id = $1 and action = 'job_charge'"
	for name, c := range map[string]struct {
		sql  string
		arg  any
		want credits.Broken
	}{
		"not charged":          {"delete from audit_logs where job_id = $1 and action = 'job_charge'", waiting, credits.Broken{Jobs: 1, Accounts: 1}},
		"not refunded":         {"update audit_logs set action = 'other' where job_id = $1 and action = 'job_refund'", canceled, credits.Broken{Jobs: 1}},
		"refunded for nothing": {refund, ended, credits.Broken{Jobs: 1}},
		"a balance":            {"update users set credits = credits + 1 where id = $1", w.user.ID, credits.Broken{Accounts: 1}},
		"an entry's sum":       {entry, ended, credits.Broken{Accounts: 1}},
		"nobody looks there":   {"update users set credits = 7 where id = $1", pauper.ID, credits.Broken{}},
	} {
		tx, err := w.store.Pool().Begin(t.Context())
		require.NoError(t, err)
		tag, err := tx.Exec(t.Context(), c.sql, c.arg)
		require.NoError(t, err, name)
		require.EqualValues(t, 1, tag.RowsAffected(), name)
		found, err := db.New(tx).BooksBroken(t.Context(), 1000)
		require.NoError(t, err)
		require.Equal(t, c.want, credits.Broken(found), name)
		require.NoError(t, tx.Rollback(t.Context()))
	}
}
