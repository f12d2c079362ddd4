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
func TestStopReply_200_keepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	f := setup(t, func(d *chat.ReplierDeps) { d.PersistEvery = time.Hour })
	written, causes := make(chan struct{}), make(chan error, 1)
	f.write(writesUntilToldTo("As much as this", written, causes))
	reply := f.ask(t, "Help me")
	ran := make(chan error, 1)
	go func() { ran <- f.runner.Run(context.Background(), reply.ID) }()
	<-written
	begun := time.Now()
	stopped, err := f.service.Stop(t.Context(), f.user.ID, f.chat.ID, reply.ID)
	require.NoError(t, err)
	require.Less(t, time.Since(begun), 900*time.Millisecond, "no time-out had to pass")
	require.Equal(t, "complete", stopped.Status)
	require.Equal(t, "As much as this", stopped.Content)
	require.Error(t, <-causes)
	require.NoError(t, <-ran)
	again, err := f.service.Stop(t.Context(), f.user.ID, f.chat.ID, reply.ID)
	require.NoError(t, err)
	require.Equal(t, f.read(t, reply), again)
	require.Equal(t, stopped.Revision, again.Revision)
}

func TestStopReply_200_beforeAWorkerWrites(t *testing.T) {
	t.Parallel()
	f := setup(t)
	reply := f.ask(t, "Help me")
	stopped, err := f.service.Stop(t.Context(), f.user.ID, f.chat.ID, reply.ID)
	require.NoError(t, err)
	require.Equal(t, "complete", stopped.Status)
	require.Equal(t, stopped.Content, f.run(t, reply).Content, "there is nothing to do any more")
}

// Of a worker that is dead, what it brought into the row is kept.
func TestStopReply_200_withoutAWorker(t *testing.T) {
	t.Parallel()
	f := setup(t)
	reply := f.ask(t, "Help me")
	_, err := f.store.Queries().ReplyClaim(t.Context(), db.ReplyClaimParams{ID: reply.ID, LeaseSeconds: 60, MaxAttempts: 3})
	require.NoError(t, err)
	f.exec(t, "update messages set content = 'So far' where id = $1", reply.ID)
	stopped, err := f.service.Stop(t.Context(), f.user.ID, f.chat.ID, reply.ID)
	require.NoError(t, err)
	require.Equal(t, "So far", stopped.Content)
	require.Equal(t, "complete", f.read(t, reply).Status)
}
