package auth_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth"
)

func (b *bundle) sessionIDs(t *testing.T, userID, before uuid.UUID, limit int) []uuid.UUID {
	t.Helper()
	rows, err := b.Sessions(t.Context(), userID, before, limit)
	require.NoError(t, err)
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}

func TestSessions_200_newestFirstAndOnlyTheLiving(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, grace := b.member(t, "ada"), b.member(t, "grace")
	var sessions []auth.Session
	for range 4 {
		sessions = append(sessions, b.signIn(t, user.Email, here))
	}
	b.signIn(t, grace.Email, here)
	require.NoError(t, b.SignOut(t.Context(), sessions[1].Principal, here))
	want := []uuid.UUID{sessions[3].SessionID, sessions[2].SessionID, sessions[0].SessionID}
	require.Equal(t, want, b.sessionIDs(t, user.ID, uuid.Max, 10))
	require.Equal(t, want[:2], b.sessionIDs(t, user.ID, uuid.Max, 2))
	require.Equal(t, want[2:], b.sessionIDs(t, user.ID, want[1], 2))

	b.clock.advance(idle)
	require.Empty(t, b.sessionIDs(t, user.ID, uuid.Max, 10))
}

func TestRevokeSession_204_404(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, grace := b.member(t, "ada"), b.member(t, "grace")
	mine, other, hers := b.signIn(t, user.Email, here), b.signIn(t, user.Email, here), b.signIn(t, grace.Email, here)

	require.NoError(t, b.RevokeSession(t.Context(), mine.Principal, other.SessionID, here))
	b.requireDead(t, other, "revoked")
	require.Equal(t, "session_revoked", last(b.events(t, &user.ID)))
	require.ErrorIs(t, b.RevokeSession(t.Context(), mine.Principal, other.SessionID, here), auth.ErrSessionNotFound)
	require.ErrorIs(t, b.RevokeSession(t.Context(), mine.Principal, uuid.New(), here), auth.ErrSessionNotFound)
	require.ErrorIs(t, b.RevokeSession(t.Context(), mine.Principal, hers.SessionID, here), auth.ErrSessionNotFound)
	b.refresh(t, hers, here)
	require.NoError(t, b.RevokeSession(t.Context(), mine.Principal, mine.SessionID, here))
	b.requireDead(t, mine, "revoked")
}

func TestRevokeOtherSessions_204(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, grace := b.member(t, "ada"), b.member(t, "grace")
	mine, other, hers := b.signIn(t, user.Email, here), b.signIn(t, user.Email, here), b.signIn(t, grace.Email, here)
	require.NoError(t, b.RevokeOtherSessions(t.Context(), mine.Principal, here))
	b.requireDead(t, other, "revoked")
	b.refresh(t, mine, here)
	b.refresh(t, hers, here)
	require.Equal(t, "other_sessions_revoked", last(b.events(t, &user.ID)))
}

func TestMaintain_forgetsWhatEndedLongAgo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user := b.member(t, "ada")
	old := b.signIn(t, user.Email, here)
	b.resetToken(t, user.Email)
	b.clock.advance(lifetime + 30*24*time.Hour + time.Second)
	young := b.signIn(t, user.Email, here)
	_, err := b.store.Pool().Exec(t.Context(), "update outbox_mails set created_at = created_at - interval '31 days' where kind = 'confirm_email'")
	require.NoError(t, err)
	require.NoError(t, b.Maintain(t.Context()))
	_, err = b.store.Queries().SessionGet(t.Context(), old.SessionID)
	require.Error(t, err)
	b.refresh(t, young, here)
	var resets, mails int
	require.NoError(t, b.store.Pool().QueryRow(t.Context(),
		"select (select count(*) from password_resets), (select count(*) from outbox_mails)").Scan(&resets, &mails))
	require.Zero(t, resets)
	require.NotZero(t, mails, "this month's mails stay")
}
