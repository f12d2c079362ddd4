package chat_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/providers"
)

// writesUntilToldTo writes words and then waits for the end of its context, whose cause it tells.
func writesUntilToldTo(words string, written chan<- struct{}, causes chan<- error) scribe {
	return func(ctx context.Context, _ providers.TextRequest, emit func(string) error) error {
		if err := emit(words); err != nil {
			return err
		}
		close(written)
		<-ctx.Done()
		causes <- context.Cause(ctx)
		return ctx.Err()
	}
}

// Stop ends the vendor's call at once and keeps every word, also those that the row did not have yet.
func TestStop_keepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	w := setup(t, func(d *chat.ReplierDeps) { d.PersistEvery = time.Hour })
	written, causes := make(chan struct{}), make(chan error, 1)
	w.write(writesUntilToldTo("As much as this", written, causes))
	reply := w.ask(t, "Help me")
	ran := make(chan error, 1)
	go func() { ran <- w.runner.Run(context.Background(), reply.ID) }()
	<-written
	begun := time.Now()
	stopped, err := w.service.Stop(t.Context(), w.user.ID, w.chat.ID, reply.ID)
	require.NoError(t, err)
	require.Less(t, time.Since(begun), 900*time.Millisecond, "nobody had to be patient")
	require.Equal(t, "complete", stopped.Status)
	require.Equal(t, "As much as this", stopped.Content)
	require.Error(t, <-causes)
	require.NoError(t, <-ran)
	again, err := w.service.Stop(t.Context(), w.user.ID, w.chat.ID, reply.ID)
	require.NoError(t, err)
	require.Equal(t, w.read(t, reply), again)
	require.Equal(t, stopped.Revision, again.Revision)
}

func TestStop_beforeAnybodyWrites(t *testing.T) {
	t.Parallel()
	w := setup(t)
	reply := w.ask(t, "Help me")
	stopped, err := w.service.Stop(t.Context(), w.user.ID, w.chat.ID, reply.ID)
	require.NoError(t, err)
	require.Equal(t, "complete", stopped.Status)
	require.Equal(t, stopped.Content, w.run(t, reply).Content, "there is nothing to do any more")
}

// Of a worker that is dead, what it brought into the row is kept.
func TestStop_nobodyIsThere(t *testing.T) {
	t.Parallel()
	w := setup(t)
	reply := w.ask(t, "Help me")
	_, err := w.store.Queries().ReplyClaim(t.Context(), db.ReplyClaimParams{ID: reply.ID, LeaseSeconds: 60, MaxAttempts: 3})
	require.NoError(t, err)
	w.exec(t, "update messages set content = 'So far' where id = $1", reply.ID)
	stopped, err := w.service.Stop(t.Context(), w.user.ID, w.chat.ID, reply.ID)
	require.NoError(t, err)
	require.Equal(t, "So far", stopped.Content)
	require.Equal(t, "complete", w.read(t, reply).Status)
}
