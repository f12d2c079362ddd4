package chat_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

func TestExpire(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *chat.ReplierDeps) { d.MaxAge = time.Minute })
	dead, late, fresh := w.ask(t, "One"), w.ask(t, "Two"), w.ask(t, "Three")
	ended, err := w.replier.Expire(t.Context())
	require.NoError(t, err)
	require.Zero(t, ended)
	w.exec(t, `update messages set status = 'streaming', attempt = $2, lease_until = now() - interval '1 second' where id = $1`,
		dead.ID, chat.MaxAttempts)
	w.exec(t, `update messages set run_at = now() - interval '2 minutes' where id = $1`, late.ID)
	ended, err = w.replier.Expire(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, ended)
	require.Equal(t, "worker_lost", *w.read(t, dead).ErrorCode)
	require.Equal(t, "provider_busy", *w.read(t, late).ErrorCode)
	require.Equal(t, "pending", w.read(t, fresh).Status)
}

func TestMarkDue(t *testing.T) {
	t.Parallel()
	w := setup(t)
	reply := w.ask(t, "One")
	due := func(since *time.Time) []uuid.UUID {
		ids, err := w.replier.MarkDue(t.Context(), task.Due{PushedBefore: since, RepushAfter: time.Minute, Batch: 10})
		require.NoError(t, err)
		return ids
	}
	require.Empty(t, due(nil), "it was told just now")
	now, err := w.store.Queries().DatabaseNow(t.Context())
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{reply.ID}, due(&now), "all that was told is lost")
	require.NoError(t, w.replier.Unmark(t.Context(), []uuid.UUID{reply.ID}))
	require.Equal(t, []uuid.UUID{reply.ID}, due(nil))
	w.exec(t, "update messages set pushed_at = now() - interval '90 seconds', run_at = now() - interval '10 minutes'")
	require.Empty(t, due(nil), "it has more patience each time")
	w.exec(t, "update messages set pushed_at = now() - interval '130 seconds'")
	require.Len(t, due(nil), 1)
}
