package auth_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth"
)

func (f *fixture) sessionIDs(t *testing.T, userID, before uuid.UUID, limit int) []uuid.UUID {
	t.Helper()
	rows, err := f.Sessions(t.Context(), userID, before, limit)
	require.NoError(t, err)
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}

func TestSessions_200_newestFirstAndOnlyTheLiving(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, grace := f.member(t, "ada"), f.member(t, "grace")
	var sessions []auth.Session
	for range 4 {
		sessions = append(sessions, f.signIn(t, user.Email, here))
	}
	f.signIn(t, grace.Email, here)
	require.NoError(t, f.SignOut(t.Context(), sessions[1].Principal, here))
	want := []uuid.UUID{sessions[3].SessionID, sessions[2].SessionID, sessions[0].SessionID}
	require.Equal(t, want, f.sessionIDs(t, user.ID, uuid.Max, 10))
	require.Equal(t, want[:2], f.sessionIDs(t, user.ID, uuid.Max, 2))
	require.Equal(t, want[2:], f.sessionIDs(t, user.ID, want[1], 2))

	f.clock.advance(idle)
	require.Empty(t, f.sessionIDs(t, user.ID, uuid.Max, 10))
}

func TestRevokeSession_204_404(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, grace := f.member(t, "ada"), f.member(t, "grace")
	mine, other, hers := f.signIn(t, user.Email, here), f.signIn(t, user.Email, here), f.signIn(t, grace.Email, here)

	require.NoError(t, f.RevokeSession(t.Context(), mine.Principal, other.SessionID, here))
	f.requireDead(t, other, "revoked")
	require.Equal(t, "session_revoked", last(f.events(t, &user.ID)))
	require.ErrorIs(t, f.RevokeSession(t.Context(), mine.Principal, other.SessionID, here), auth.ErrSessionNotFound)
	require.ErrorIs(t, f.RevokeSession(t.Context(), mine.Principal, uuid.New(), here), auth.ErrSessionNotFound)
	require.ErrorIs(t, f.RevokeSession(t.Context(), mine.Principal, hers.SessionID, here), auth.ErrSessionNotFound)
	f.refresh(t, hers, here)
	require.NoError(t, f.RevokeSession(t.Context(), mine.Principal, mine.SessionID, here))
	f.requireDead(t, mine, "revoked")
}

func TestRevokeOtherSessions_204(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, grace := f.member(t, "ada"), f.member(t, "grace")
	mine, other, hers := f.signIn(t, user.Email, here), f.signIn(t, user.Email, here), f.signIn(t, grace.Email, here)
	require.NoError(t, f.RevokeOtherSessions(t.Context(), mine.Principal, here))
	f.requireDead(t, other, "revoked")
	f.refresh(t, mine, here)
	f.refresh(t, hers, here)
	require.Equal(t, "other_sessions_revoked", last(f.events(t, &user.ID)))
}

func TestMaintain_forgetsWhatEndedLongAgo(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	old := f.signIn(t, user.Email, here)
	f.resetToken(t, user.Email)
	f.clock.advance(lifetime + 30*24*time.Hour + time.Second)
	young := f.signIn(t, user.Email, here)
	_, err := f.store.Pool().Exec(t.Context(), "update outbox_mails set created_at = created_at - interval '31 days' where kind = 'confirm_email'")
	require.NoError(t, err)
	require.NoError(t, f.Maintain(t.Context()))
	_, err = f.store.Queries().SessionGet(t.Context(), old.SessionID)
	require.Error(t, err)
	f.refresh(t, young, here)
	var resets, mails int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(),
		"select (select count(*) from password_resets), (select count(*) from outbox_mails)").Scan(&resets, &mails))
	require.Zero(t, resets)
	require.NotZero(t, mails, "this month's mails stay")
}
