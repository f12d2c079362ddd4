package chat_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
)

// A page is what its query lists, column by column, though it is read without sqlc's list.
func TestMessages_areWhatTheQueryLists(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for range 20 {
		_, _, err := f.service.Send(t.Context(), f.user.ID, f.chat.ID, "bolder, please", false, idempotency.Key{})
		require.NoError(t, err)
	}
	const change = "update messages set sender = 'ai', status = $2, suggestion = $3, error_code = $4, error_message = $5, revision = $1, " +
		"lease_token = $1 + 1 where chat_id = $6 and seq = $1"
	f.exec(t, change, 3, "complete", `{"mode":"design"}`, nil, nil, f.chat.ID)
	f.exec(t, change, 4, "complete", `{"mode":"a longer one"}`, nil, nil, f.chat.ID)
	f.exec(t, change, 5, "failed", nil, "blocked", "No.", f.chat.ID)
	f.exec(t, change, 6, "failed", `{}`, "internal", "Not now.", f.chat.ID)

	rows, err := f.store.Queries().MessageListAsc(t.Context(), db.MessageListAscParams{
		ChatID: f.chat.ID, UserID: f.user.ID, PageSize: 100,
	})
	require.NoError(t, err)
	var want []chat.Message
	for _, r := range rows {
		want = append(want, chat.Message{
			ID: r.ID, ChatID: f.chat.ID, Seq: r.Seq, Sender: r.Sender, Content: r.Content, Status: r.Status, ErrorCode: r.ErrorCode,
			ErrorMessage: r.ErrorMessage, Suggestion: r.Suggestion, CreatedAt: r.CreatedAt, Revision: r.Revision, Token: r.LeaseToken,
		})
	}
	require.Len(t, want, 20)
	for _, limit := range []int{1, 7, 8, 9, 20, 100} {
		got, err := f.service.Messages(t.Context(), f.user.ID, f.chat.ID, 0, limit)
		require.NoError(t, err)
		require.Equal(t, want[:min(limit, 20)], got)
		require.LessOrEqual(t, cap(got), max(8, 2*limit))
	}
	slices.Reverse(want)
	got, err := f.service.NewestMessages(t.Context(), f.user.ID, f.chat.ID, math.MaxInt64, 20)
	require.NoError(t, err)
	require.Equal(t, want, got)
	got, err = f.service.Messages(t.Context(), f.user.ID, f.chat.ID, 20, 20)
	require.NoError(t, err)
	require.Empty(t, got)
	_, err = f.service.Messages(t.Context(), f.user.ID, f.user.ID, 0, 20)
	require.ErrorIs(t, err, chat.ErrNotFound)
}
