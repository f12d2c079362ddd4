package auth_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
)

func (f *fixture) session(t *testing.T, s auth.Session) db.Session {
	t.Helper()
	row, err := f.store.Queries().SessionGet(t.Context(), s.SessionID)
	require.NoError(t, err)
	return row
}

func (f *fixture) refresh(t *testing.T, s auth.Session, client auth.Client) auth.Session {
	t.Helper()
	next, err := f.Refresh(t.Context(), s.Refresh.Token(), client)
	require.NoError(t, err)
	return next
}

// requireDead fails unless neither token of the session is good any more.
func (f *fixture) requireDead(t *testing.T, s auth.Session, reason string) {
	t.Helper()
	_, err := f.Authenticate(t.Context(), s.AccessToken)
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	_, err = f.Refresh(t.Context(), s.Refresh.Token(), here)
	require.ErrorIs(t, err, auth.ErrInvalidRefreshToken)
	row := f.session(t, s)
	require.NotNil(t, row.RevokeReason)
	require.Equal(t, reason, *row.RevokeReason)
}

func TestRefresh_200_rotates(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session := f.signIn(t, user.Email, here)
	for range 3 {
		f.clock.advance(time.Hour)
		elsewhere := auth.Client{IP: "198.51.100.9", UserAgent: "test/2"}
		next := f.refresh(t, session, elsewhere)
		require.Equal(t, session.SessionID, next.SessionID)
		require.NotEqual(t, session.Refresh.Token(), next.Refresh.Token())
		row := f.session(t, next)
		require.Equal(t, elsewhere.IP, row.IP)
		require.Equal(t, elsewhere.UserAgent, row.UserAgent)
		require.WithinDuration(t, f.clock.Now(), row.LastUsedAt, 0)
		principal, err := f.Authenticate(t.Context(), next.AccessToken)
		require.NoError(t, err)
		require.Equal(t, session.Principal, principal)
		session = next
	}
}

func TestRefresh_200_twoTabsAtOnceGetTheSameSuccessor(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session := f.signIn(t, user.Email, here)
	const tabs = 20
	answers := make([]auth.Session, tabs)
	var wg sync.WaitGroup
	for i := range tabs {
		wg.Go(func() {
			var err error
			if answers[i], err = f.Refresh(t.Context(), session.Refresh.Token(), here); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, answer := range answers {
		require.Equal(t, answers[0].Refresh.Token(), answer.Refresh.Token())
	}
	f.refresh(t, answers[0], here)
}

// The answer to a refresh gets lost, and the phone asks again with the only token that it has.
func TestRefresh_200_aLostAnswerIsGivenAgain(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(*fixture) auth.Client{
		"at once":                 func(*fixture) auth.Client { return here },
		"eleven seconds later":    func(f *fixture) auth.Client { f.clock.advance(11 * time.Second); return here },
		"the next day":            func(f *fixture) auth.Client { f.clock.advance(24 * time.Hour); return here },
		"from another address":    func(*fixture) auth.Client { return auth.Client{IP: "198.51.100.9", UserAgent: here.UserAgent} },
		"with another user agent": func(*fixture) auth.Client { return auth.Client{IP: here.IP, UserAgent: "test/2"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			user := f.member(t, "ada")
			session := f.signIn(t, user.Email, here)
			for range 2 { // as the first token of a session, and as a later one
				next := f.refresh(t, session, here)
				client := ask(f)
				for range 3 {
					again := f.refresh(t, session, client)
					require.Equal(t, next.Refresh.Token(), again.Refresh.Token())
					require.Equal(t, next.RefreshExpiresAt, again.RefreshExpiresAt.UTC())
					principal, err := f.Authenticate(t.Context(), again.AccessToken)
					require.NoError(t, err)
					require.Equal(t, session.Principal, principal)
				}
				session = next
			}
			f.refresh(t, session, here)
			require.NotContains(t, f.events(t, &user.ID), "refresh_token_reused")
		})
	}
}

func TestRefresh_401_aSpentTokenWhoseSuccessorWasUsedEndsTheSession(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	other := f.signIn(t, user.Email, here)
	session := f.signIn(t, user.Email, here)
	next := f.refresh(t, session, here)
	f.refresh(t, session, here)
	newest := f.refresh(t, next, here)
	_, err := f.Refresh(t.Context(), session.Refresh.Token(), here)
	require.ErrorIs(t, err, auth.ErrInvalidRefreshToken, "at once and from the same client, too")
	f.requireDead(t, newest, "token_reused")
	require.Equal(t, "refresh_token_reused", last(f.events(t, &user.ID)))
	f.refresh(t, other, here)
	_, err = f.Refresh(t.Context(), next.Refresh.Token(), here)
	require.ErrorIs(t, err, auth.ErrInvalidRefreshToken, "an ended session is not answered again")
}

func TestRefresh_401_aTokenFromLongAgoEndsTheSession(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	first := f.signIn(t, user.Email, here)
	second := f.refresh(t, first, here)
	third := f.refresh(t, second, here)
	_, err := f.Refresh(t.Context(), first.Refresh.Token(), here)
	require.ErrorIs(t, err, auth.ErrInvalidRefreshToken)
	f.requireDead(t, third, "token_reused")
}

func TestRefresh_401_reuseByManyIsRecordedOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session := f.signIn(t, user.Email, here)
	f.refresh(t, f.refresh(t, session, here), here)
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if _, err := f.Refresh(t.Context(), session.Refresh.Token(), here); !errors.Is(err, auth.ErrInvalidRefreshToken) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var audited int
	for _, action := range f.events(t, &user.ID) {
		if action == "refresh_token_reused" {
			audited++
		}
	}
	require.Equal(t, 1, audited)
}

func TestRefresh_401_forgedTokensEndNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session := f.signIn(t, user.Email, here)
	genuine := session.Refresh.Token()
	for _, forged := range []string{"", "x", genuine[:40], genuine + "A", "A" + genuine[1:], genuine[:50] + "AAAA" + genuine[54:]} {
		if forged == genuine {
			continue
		}
		_, err := f.Refresh(t.Context(), forged, here)
		require.ErrorIs(t, err, auth.ErrInvalidRefreshToken)
	}
	f.refresh(t, session, here)
}

func TestRefresh_401_idleForTooLong(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session := f.signIn(t, user.Email, here)
	f.clock.advance(idle - time.Second)
	session = f.refresh(t, session, here)
	f.clock.advance(idle)
	_, err := f.Refresh(t.Context(), session.Refresh.Token(), here)
	require.ErrorIs(t, err, auth.ErrInvalidRefreshToken)
}

func TestRefresh_401_atTheEndOfItsLifetime(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session := f.signIn(t, user.Email, here)
	end := f.clock.Now().Add(lifetime)
	for f.clock.Now().Add(idle - time.Hour).Before(end) {
		f.clock.advance(idle - time.Hour)
		session = f.refresh(t, session, here)
	}
	require.WithinDuration(t, end, session.RefreshExpiresAt, 0, "no refresh outlives the session")
	f.clock.advance(end.Sub(f.clock.Now()))
	_, err := f.Refresh(t.Context(), session.Refresh.Token(), here)
	require.ErrorIs(t, err, auth.ErrInvalidRefreshToken)
	_, err = f.Authenticate(t.Context(), session.AccessToken)
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
}

func TestSignOut_204_bothTokensAreDeadAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session, other := f.signIn(t, user.Email, here), f.signIn(t, user.Email, here)
	require.NoError(t, f.SignOut(t.Context(), session.Principal, here))
	f.requireDead(t, session, "signed_out")
	require.Equal(t, "signed_out", last(f.events(t, &user.ID)))
	require.NoError(t, f.SignOut(t.Context(), session.Principal, here), "a second time changes nothing")
	f.refresh(t, other, here)
}

func TestAuthenticate_401(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session := f.signIn(t, user.Email, here)
	for _, bad := range []string{"", "x", "a.b.c", session.AccessToken + "x", session.Refresh.Token()} {
		_, err := f.Authenticate(t.Context(), bad)
		require.ErrorIs(t, err, auth.ErrUnauthenticated)
	}
	f.clock.advance(15 * time.Minute)
	_, err := f.Authenticate(t.Context(), session.AccessToken)
	require.ErrorIs(t, err, auth.ErrUnauthenticated, "expired")

	session = f.refresh(t, session, here)
	_, err = f.store.Pool().Exec(t.Context(), "delete from users where id = $1", user.ID)
	require.NoError(t, err)
	_, err = f.Authenticate(t.Context(), session.AccessToken)
	require.ErrorIs(t, err, auth.ErrUnauthenticated, "the account is gone")
}
