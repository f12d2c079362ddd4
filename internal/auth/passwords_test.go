package auth_test

import (
	"errors"
	"net/url"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

const otherPassword = "paint-the-sea-8"

func again(plain string) auth.NewPassword { return auth.NewPassword{Plain: plain, Confirm: plain} }

func (f *fixture) signInWith(t *testing.T, email, plain string) error {
	t.Helper()
	_, err := f.SignIn(t.Context(), auth.Credentials{Email: email, Password: plain}, auth.Client{IP: "203.0.113.99"})
	return err
}

var resetPattern = regexp.MustCompile(`token=([A-Za-z0-9_%-]+)`)

// resetToken asks for a mail that resets a password and reads its token.
func (f *fixture) resetToken(t *testing.T, email string) string {
	t.Helper()
	f.later(t)
	require.NoError(t, f.ForgotPassword(t.Context(), email, here))
	f.deliver(t)
	found := resetPattern.FindStringSubmatch(f.inbox.last(t).Text)
	require.NotNil(t, found)
	token, err := url.QueryUnescape(found[1])
	require.NoError(t, err)
	return token
}

func TestForgotPassword_200_costsTheSameForEveryAddress(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	var work [][]string
	for _, email := range []string{user.Email, "stranger@example.com", user.Email} {
		hashes, pushed := f.hasher.Hashes(), len(f.pushed)
		work = append(work, f.queries.during(func() {
			require.NoError(t, f.ForgotPassword(t.Context(), email, here))
		}))
		require.Equal(t, hashes, f.hasher.Hashes())
		require.Len(t, f.pushed, pushed+1)
	}
	require.Equal(t, work[0], work[1])
	require.Equal(t, work[0], work[2], "a mail that is not sent again costs the same")
	require.Equal(t, "password_reset_requested", last(f.events(t, &user.ID)))
	require.Equal(t, []string{"password_reset_requested"}, f.events(t, nil))
	f.deliver(t)
	require.Len(t, f.inbox.all(), 1)
}

// A stranger who asks all the time neither fills the mailbox nor keeps the owner from a link that is good.
func TestForgotPassword_200_oneMailAMinuteAndFewAnHour(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	ask := func(age string) int {
		t.Helper()
		_, err := f.store.Pool().Exec(t.Context(), "update outbox_mails set created_at = created_at - $1::interval", age)
		require.NoError(t, err)
		f.inbox.empty()
		require.NoError(t, f.ForgotPassword(t.Context(), user.Email, here))
		f.deliver(t)
		return len(f.inbox.all())
	}
	require.Equal(t, 1, ask("0"))
	require.Equal(t, 0, ask("50 seconds"))
	for range 4 {
		require.Equal(t, 1, ask("61 seconds"))
	}
	require.Equal(t, 0, ask("61 seconds"), "the sixth within an hour waits for five minutes")
	require.Equal(t, 1, ask("4 minutes"))
	token := resetPattern.FindStringSubmatch(f.inbox.last(t).Text)[1]
	require.Equal(t, 0, ask("0"))
	require.NoError(t, f.ResetPassword(t.Context(), token, again(otherPassword), here), "what asked for nothing more spoils nothing")
}

func TestForgotPassword_200_ofTenAtOnceOneMailIsSent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			if err := f.ForgotPassword(t.Context(), user.Email, here); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.deliver(t)
	require.Len(t, f.inbox.all(), 1)
}

func TestResetPassword_200_endsEverySession(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	one, two := f.signIn(t, user.Email, here), f.signIn(t, user.Email, here)
	token := f.resetToken(t, " ADA@example.com")
	require.NoError(t, f.ResetPassword(t.Context(), token, again(otherPassword), here))
	f.requireDead(t, one, "password_changed")
	f.requireDead(t, two, "password_changed")
	require.ErrorIs(t, f.signInWith(t, user.Email, goodPassword), auth.ErrInvalidCredentials)
	require.NoError(t, f.signInWith(t, user.Email, otherPassword))
	require.Contains(t, f.events(t, &user.ID), "password_reset")
	f.deliver(t)
	require.Contains(t, f.inbox.last(t).Subject, "password was changed")
}

func TestResetPassword_400(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	token := f.resetToken(t, user.Email)
	reset := func(token, plain string) error { return f.ResetPassword(t.Context(), token, again(plain), here) }

	require.ErrorIs(t, reset("", otherPassword), auth.ErrInvalidResetToken)
	require.ErrorIs(t, reset(token[:42]+"!", otherPassword), auth.ErrInvalidResetToken)
	require.ErrorIs(t, reset("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", otherPassword), auth.ErrInvalidResetToken)
	requireFields(t, reset(token, "short"), "/new_password min_length")
	requireFields(t, f.ResetPassword(t.Context(), token, auth.NewPassword{Plain: otherPassword, Confirm: "x"}, here),
		"/confirm_password mismatch")
	require.NoError(t, reset(token, otherPassword), "a refused password does not spend the token")
	require.ErrorIs(t, reset(token, goodPassword), auth.ErrInvalidResetToken, "used")

	token = f.resetToken(t, user.Email)
	f.clock.advance(30 * time.Minute)
	require.ErrorIs(t, reset(token, goodPassword), auth.ErrInvalidResetToken, "expired")
}

func TestResetPassword_spendsAllLinksOfTheAccount(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	first, second := f.resetToken(t, user.Email), f.resetToken(t, user.Email)
	require.NoError(t, f.ResetPassword(t.Context(), first, again(otherPassword), here), "a second mail spoils no link")
	require.ErrorIs(t, f.ResetPassword(t.Context(), second, again(goodPassword), here), auth.ErrInvalidResetToken)
}

func TestResetPassword_ofTenAtOnceOneSucceeds(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	token := f.resetToken(t, user.Email)
	var succeeded atomic.Int32
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() {
			switch err := f.ResetPassword(t.Context(), token, again(otherPassword), here); {
			case err == nil:
				succeeded.Add(1)
			case !errors.Is(err, auth.ErrInvalidResetToken):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, succeeded.Load())
}

func TestResetPassword_letsTheOwnerOfALockedAccountIn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	for range 5 {
		_, err := f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: "not the password"}, here)
		require.ErrorIs(t, err, auth.ErrInvalidCredentials)
	}
	require.ErrorIs(t, f.signInWith(t, user.Email, goodPassword), ratelimit.ErrLocked)
	require.NoError(t, f.ResetPassword(t.Context(), f.resetToken(t, user.Email), again(otherPassword), here))
	require.NoError(t, f.signInWith(t, user.Email, otherPassword))
}

func TestPasswordResets_areStoredHashed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	token := f.resetToken(t, f.member(t, "ada").Email)
	var kept string
	require.NoError(t, f.store.Pool().QueryRow(t.Context(),
		"select (select string_agg(r::text, '') from password_resets r) || (select string_agg(o::text, '') from outbox_mails o)",
	).Scan(&kept))
	require.NotContains(t, kept, token)
	require.NotContains(t, f.log.String(), token)
}

func TestChangePassword_200_endsTheOtherSessions(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	mine, other := f.signIn(t, user.Email, here), f.signIn(t, user.Email, here)
	link := f.resetToken(t, user.Email)
	require.NoError(t, f.ChangePassword(t.Context(), mine.Principal, goodPassword, again(otherPassword), here))
	f.requireDead(t, other, "password_changed")
	f.refresh(t, mine, here)
	require.ErrorIs(t, f.ResetPassword(t.Context(), link, again(goodPassword), here), auth.ErrInvalidResetToken)
	require.NoError(t, f.signInWith(t, user.Email, otherPassword))
	require.Contains(t, f.events(t, &user.ID), "password_changed")
	f.deliver(t)
	require.Contains(t, f.inbox.last(t).Subject, "password was changed")
}

func TestChangePassword_400_everyFailingFieldAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	mine := f.signIn(t, f.member(t, "ada").Email, here)
	err := f.ChangePassword(t.Context(), mine.Principal, goodPassword, auth.NewPassword{Plain: goodPassword, Confirm: "x"}, here)
	requireFields(t, err, "/new_password unchanged", "/confirm_password mismatch")
}

func TestChangePassword_401_429(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	mine := f.signIn(t, user.Email, here)
	for range 5 {
		err := f.ChangePassword(t.Context(), mine.Principal, "not the password", again(otherPassword), here)
		require.ErrorIs(t, err, auth.ErrInvalidCredentials)
	}
	require.Contains(t, f.events(t, &user.ID), "password_refused")
	err := f.ChangePassword(t.Context(), mine.Principal, goodPassword, again(otherPassword), here)
	require.ErrorIs(t, err, ratelimit.ErrLocked, "a stolen session must not be a way to guess the password")
	f.refresh(t, mine, here)
}

// A sign-in that checked the old password must not open a session after the change that ends all of them.
func TestChangePassword_leavesNoSessionOfTheOldPassword(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	mine := f.signIn(t, user.Email, here)
	var opened sync.Map
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			session, err := f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: goodPassword},
				auth.Client{IP: "203.0.113.99"})
			switch {
			case err == nil:
				opened.Store(i, session)
			case !errors.Is(err, auth.ErrInvalidCredentials) && !errors.Is(err, ratelimit.ErrLocked):
				t.Error(err)
			}
		})
	}
	require.NoError(t, f.ChangePassword(t.Context(), mine.Principal, goodPassword, again(otherPassword), here))
	wg.Wait()
	opened.Range(func(_, session any) bool {
		_, err := f.Authenticate(t.Context(), session.(auth.Session).AccessToken)
		require.ErrorIs(t, err, auth.ErrUnauthenticated)
		return true
	})
}

// The same, with the change at the worst moment: after the old password was found right, before the session opens.
func TestSignIn_401_whenThePasswordChangesWhileItIsChecked(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	mine := f.signIn(t, user.Email, here)
	deps := f.deps
	var change sync.Once
	deps.NewID = func() uuid.UUID {
		change.Do(func() {
			require.NoError(t, f.ChangePassword(t.Context(), mine.Principal, goodPassword, again(otherPassword), here))
		})
		return factory.ID()
	}
	_, err := auth.NewService(f.cfg, deps).SignIn(t.Context(),
		auth.Credentials{Email: user.Email, Password: goodPassword}, auth.Client{IP: "203.0.113.99"})
	require.ErrorIs(t, err, auth.ErrInvalidCredentials)
	require.Equal(t, []uuid.UUID{mine.SessionID}, f.sessionIDs(t, user.ID, uuid.Max, 10))
}

func TestCheckUsername_200(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.signUp(t, "Ada.Lovelace")
	for username, want := range map[string]auth.Obstacle{
		"ada.LOVELACE": auth.UsernameTaken, "ab": auth.UsernameInvalid, "a b c": auth.UsernameInvalid, "grace": "",
	} {
		obstacle, err := f.CheckUsername(t.Context(), username)
		require.NoError(t, err)
		require.Equal(t, want, obstacle, username)
	}
}
