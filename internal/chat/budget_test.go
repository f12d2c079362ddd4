package chat_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// budgeted makes the service take replies from a budget, and counts what was taken.
func (f *fixture) budgeted(t *testing.T, replies int) (taken *int) {
	t.Helper()
	taken = new(int)
	f.service.SpendReply = func(_ context.Context, userID uuid.UUID, plan string) error {
		if userID != f.user.ID || plan != "free" {
			t.Errorf("spent for %s on plan %q", userID, plan)
		}
		if *taken == replies {
			return chat.ErrNoRepliesLeft
		}
		*taken++
		return nil
	}
	return taken
}

func (f *fixture) messages(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, f.sql.QueryRow(t.Context(), "select count(*) from messages").Scan(&n))
	return n
}

func TestSendMessage_429_theDaysRepliesAreUsedUp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	taken := f.budgeted(t, 2)
	send := func(reply bool, key string) (replayed bool, err error) {
		_, replayed, err = f.service.Send(t.Context(), f.user.ID, f.chat.ID, "Louder!", reply, idempotency.Key{Operation: "sendMessage", Value: key})
		return replayed, err
	}
	_, err := send(true, "a")
	require.NoError(t, err)
	replayed, err := send(true, "a")
	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, 1, *taken, "a repeat takes none")
	_, err = send(true, "")
	require.NoError(t, err)
	require.Equal(t, 2, *taken)

	for _, key := range []string{"", "b"} {
		_, err = send(true, key)
		require.ErrorIs(t, err, chat.ErrNoRepliesLeft)
	}
	require.Equal(t, 4, f.messages(t), "nothing is stored")
	replayed, err = send(true, "a")
	require.NoError(t, err)
	require.True(t, replayed, "what was asked for before is answered")
	_, err = send(false, "")
	require.NoError(t, err, "without a reply it takes none")
}

func TestSendMessage_whatIsRefusedTakesNoReply(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for range 3 {
		f.ask(t, "Louder!")
	}
	taken := f.budgeted(t, 9)
	_, _, err := f.service.Send(t.Context(), f.user.ID, f.chat.ID, "Louder!", true, idempotency.Key{})
	require.ErrorIs(t, err, chat.ErrTooManyReplies)
	_, _, err = f.service.Send(t.Context(), f.user.ID, factory.ID(), "Louder!", true, idempotency.Key{})
	require.ErrorIs(t, err, chat.ErrNotFound)
	_, _, err = f.service.Send(t.Context(), factory.ID(), f.chat.ID, "Louder!", true, idempotency.Key{})
	require.ErrorIs(t, err, chat.ErrNotFound)
	require.Zero(t, *taken)
}

func TestRetryReply_429_theDaysRepliesAreUsedUp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.write(func(context.Context, providers.TextRequest, func(string) error) error {
		return &providers.Error{Provider: "scribe", Class: providers.Permanent, Reason: "TEST", Cause: errors.New("as told")}
	})
	reply := f.ask(t, "Louder!")
	require.NoError(t, f.runner.Run(t.Context(), reply.ID))
	taken := f.budgeted(t, 1)
	again, err := f.service.Retry(t.Context(), f.user.ID, f.chat.ID, reply.ID)
	require.NoError(t, err)
	require.True(t, again.Unfinished())
	_, err = f.service.Retry(t.Context(), f.user.ID, f.chat.ID, reply.ID)
	require.NoError(t, err, "it waits already")
	require.Equal(t, 1, *taken)
	require.NoError(t, f.runner.Run(t.Context(), reply.ID))
	_, err = f.service.Retry(t.Context(), f.user.ID, f.chat.ID, reply.ID)
	require.ErrorIs(t, err, chat.ErrNoRepliesLeft)
}
