package auth_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/auth/password"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

func (f *fixture) signIn(t *testing.T, email string, client auth.Client) auth.Session {
	t.Helper()
	session, err := f.SignIn(t.Context(), auth.Credentials{Email: email, Password: goodPassword}, client)
	require.NoError(t, err)
	return session
}

func TestSignIn_200(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session := f.signIn(t, " ADA@example.com ", here)
	require.Equal(t, user.ID, session.UserID)
	require.Equal(t, 15*time.Minute, session.ExpiresIn)
	require.WithinDuration(t, f.clock.Now().Add(idle), session.RefreshExpiresAt, 0)

	principal, err := f.Authenticate(t.Context(), session.AccessToken)
	require.NoError(t, err)
	require.Equal(t, session.Principal, principal)

	row := f.session(t, session)
	require.Equal(t, here.IP, row.IP)
	require.Equal(t, here.UserAgent, row.UserAgent)
	require.NotContains(t, string(row.RefreshHash), session.Refresh.Token())
	require.Equal(t, "signed_in", last(f.events(t, &user.ID)))
}

func TestSignIn_401_wrongAndUnknownCostTheSame(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	_, err := f.store.Pool().Exec(t.Context(), `insert into users (id, email, username, full_name, dob)
		values (gen_random_uuid(), 'social@example.com', 'social', 'S', '1990-01-01')`)
	require.NoError(t, err)
	var work [][]string
	for _, email := range []string{user.Email, "stranger@example.com", "social@example.com"} {
		hashes := f.hasher.Hashes()
		work = append(work, f.queries.during(func() {
			_, err := f.SignIn(t.Context(), auth.Credentials{Email: email, Password: "not the password"}, here)
			require.ErrorIs(t, err, auth.ErrInvalidCredentials)
		}))
		require.Equal(t, hashes+1, f.hasher.Hashes(), email)
	}
	require.Equal(t, work[0], work[1])
	require.Equal(t, work[0], work[2])
	require.Equal(t, "sign_in_failed", last(f.events(t, &user.ID)))
	require.Equal(t, []string{"sign_in_failed"}, f.events(t, nil))
}

func TestSignIn_403_notConfirmedIsOnlyToldToWhoKnowsThePassword(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.signUp(t, "ada")
	_, err := f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: goodPassword}, here)
	require.ErrorIs(t, err, auth.ErrEmailNotConfirmed)
	_, err = f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: "not the password"}, here)
	require.ErrorIs(t, err, auth.ErrInvalidCredentials)
}

func TestSignIn_429_lockedBeforeAnythingIsHashed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	for range 5 {
		_, err := f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: "not the password"}, here)
		require.ErrorIs(t, err, auth.ErrInvalidCredentials)
	}
	hashes := f.hasher.Hashes()
	elsewhere := auth.Client{IP: "198.51.100.1", UserAgent: "other"}
	_, err := f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: goodPassword}, elsewhere)
	require.ErrorIs(t, err, ratelimit.ErrLocked)
	require.Positive(t, apperr.From(err).RetryAfter)
	require.LessOrEqual(t, apperr.From(err).RetryAfter, time.Minute)
	require.Equal(t, hashes, f.hasher.Hashes())

	events := f.events(t, &user.ID)
	require.Contains(t, events, "account_locked")
	require.Equal(t, "locked_attempt", last(events))
	f.deliver(t)
	require.Contains(t, f.inbox.last(t).Text, "1 minute", "the owner is told")
}

func TestSignIn_429_anUnknownAddressLocksAlike(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	fifth := func(email string, net int) (work []string) {
		for i := range 5 {
			client := auth.Client{IP: fmt.Sprintf("203.0.%d.%d", net, i)}
			work = f.queries.during(func() {
				_, err := f.SignIn(t.Context(), auth.Credentials{Email: email, Password: "not the password"}, client)
				require.ErrorIs(t, err, auth.ErrInvalidCredentials)
			})
		}
		_, err := f.SignIn(t.Context(), auth.Credentials{Email: email, Password: "not the password"}, here)
		require.ErrorIs(t, err, ratelimit.ErrLocked)
		return work
	}
	require.Equal(t, fifth(user.Email, 1), fifth("stranger@example.com", 2))
	f.deliver(t)
	require.Len(t, f.inbox.all(), 1)
}

// Many people are behind one address: what locks an account must not lock all of them out.
func TestSignIn_429_anAddressThatTriesManyAccounts(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	guess := func(n int) {
		_, err := f.SignIn(t.Context(), auth.Credentials{Email: fmt.Sprintf("victim-%d@example.com", n), Password: "not the password"}, here)
		require.ErrorIs(t, err, auth.ErrInvalidCredentials)
	}
	for n := range 19 {
		guess(n)
	}
	f.signIn(t, user.Email, here)
	guess(19)
	_, err := f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: goodPassword}, here)
	require.ErrorIs(t, err, ratelimit.ErrAddressLocked)
	require.Equal(t, apperr.CodeRateLimited, apperr.From(err).Code, "her account is not locked")
	require.Positive(t, apperr.From(err).RetryAfter)
	require.Equal(t, "locked_attempt", last(f.events(t, &user.ID)))
	f.signIn(t, user.Email, auth.Client{IP: "198.51.100.1"})
	require.NoError(t, f.ResetPassword(t.Context(), f.resetToken(t, user.Email), again(otherPassword), here), "the mail is not locked")
}

func TestSignIn_429_theOwnerIsMailedOnceADay(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	for round := range 2 {
		for i := range 5 {
			client := auth.Client{IP: fmt.Sprintf("203.0.113.%d", 10*round+i)}
			_, err := f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: "not the password"}, client)
			require.ErrorIs(t, err, auth.ErrInvalidCredentials)
		}
		require.NoError(t, f.deps.Lockout.Clear(t.Context(), ratelimit.Account(user.Email)))
	}
	f.deliver(t)
	require.Len(t, f.inbox.all(), 1)
}

func TestSignIn_twoHundredGuessesFromFiftyAddresses(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	hashes := f.hasher.Hashes()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			client := auth.Client{IP: fmt.Sprintf("203.0.113.%d", i%50)}
			_, err := f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: "not the password"}, client)
			if !errors.Is(err, auth.ErrInvalidCredentials) && !errors.Is(err, ratelimit.ErrLocked) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 5, f.hasher.Hashes()-hashes, "passwords looked at")

	require.NoError(t, f.deps.Lockout.Clear(t.Context(), ratelimit.Account(user.Email)))
	f.signIn(t, user.Email, here)
}

func TestSignIn_aSuccessForgives(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	for round := range 3 {
		for range 4 {
			_, err := f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: "not the password"}, auth.Client{IP: fmt.Sprintf("203.0.113.%d", round)})
			require.ErrorIs(t, err, auth.ErrInvalidCredentials)
		}
		f.signIn(t, user.Email, auth.Client{IP: fmt.Sprintf("203.0.113.%d", round)})
	}
}

func TestSignIn_givesBackAnAttemptThatWasNotChecked(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		_, err := f.SignIn(gone, auth.Credentials{Email: user.Email, Password: goodPassword}, here)
		require.Error(t, err)
	}
	f.signIn(t, user.Email, here)
}

func TestSignIn_rehashesWhenTheCostGrew(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	stronger := weakest()
	stronger.Memory *= 2
	deps := f.deps
	var err error
	deps.Passwords, err = password.New(stronger, 0)
	require.NoError(t, err)
	later := auth.NewService(f.cfg, deps)

	_, err = later.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: "not the password"}, here)
	require.ErrorIs(t, err, auth.ErrInvalidCredentials)
	require.Equal(t, *user.PasswordHash, *f.user(t, user.ID).PasswordHash)

	_, err = later.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: goodPassword}, here)
	require.NoError(t, err)
	rehashed := *f.user(t, user.ID).PasswordHash
	require.Contains(t, rehashed, "m=128,")
	f.signIn(t, user.Email, here)
	require.Equal(t, rehashed, *f.user(t, user.ID).PasswordHash, "never weakened")
}

func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}
