package chat_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

func TestReplier_expiresDeadAndLateReplies(t *testing.T) {
	t.Parallel()
	f := setup(t, func(d *chat.ReplierDeps) { d.MaxAge = time.Minute })
	dead, late, fresh := f.ask(t, "One"), f.ask(t, "Two"), f.ask(t, "Three")
	ended, err := f.replier.Expire(t.Context())
	require.NoError(t, err)
	require.Zero(t, ended)
	f.exec(t, `update messages set status = 'streaming', attempt = $2, lease_until = now() - interval '1 second' where id = $1`,
		dead.ID, chat.MaxAttempts)
	f.exec(t, `update messages set run_at = now() - interval '2 minutes' where id = $1`, late.ID)
	ended, err = f.replier.Expire(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, ended)
	require.Equal(t, "worker_lost", *f.read(t, dead).ErrorCode)
	require.Equal(t, "provider_busy", *f.read(t, late).ErrorCode)
	require.Equal(t, "pending", f.read(t, fresh).Status)
}

func TestReplier_marksWhatIsDue(t *testing.T) {
	t.Parallel()
	f := setup(t)
	reply := f.ask(t, "One")
	due := func(since *time.Time) []uuid.UUID {
		ids, err := f.replier.MarkDue(t.Context(), task.Due{PushedBefore: since, RepushAfter: time.Minute, Batch: 10})
		require.NoError(t, err)
		return ids
	}
	require.Empty(t, due(nil), "it was pushed just now")
	now, err := f.store.Queries().DatabaseNow(t.Context())
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{reply.ID}, due(&now), "all that was pushed is lost")
	require.NoError(t, f.replier.Unmark(t.Context(), []uuid.UUID{reply.ID}))
	require.Equal(t, []uuid.UUID{reply.ID}, due(nil))
	f.exec(t, "update messages set pushed_at = now() - interval '90 seconds', run_at = now() - interval '10 minutes'")
	require.Empty(t, due(nil), "it is pushed later each time")
	f.exec(t, "update messages set pushed_at = now() - interval '130 seconds'")
	require.Len(t, due(nil), 1)
}
