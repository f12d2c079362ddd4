package auth_test

import (
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth"
)

func TestSetUpSecondFactor_401_needsThePasswordOrARecentSignIn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	stolen := f.signIn(t, user.Email, here)
	set := func(in auth.SetUp) error {
		_, err := f.SetUpSecondFactor(t.Context(), stolen.Principal, in, here)
		return err
	}
	f.clock.advance(10 * time.Minute)
	require.NoError(t, set(auth.SetUp{}))
	f.clock.advance(time.Second)
	stolen = f.refresh(t, stolen, here)
	require.ErrorIs(t, set(auth.SetUp{}), auth.ErrPasswordNeeded, "a refresh is no sign-in")
	require.ErrorIs(t, set(auth.SetUp{Password: "not the password"}), auth.ErrInvalidCredentials)
	require.Contains(t, f.events(t, &user.ID), "password_refused")
	require.NoError(t, set(auth.SetUp{Password: goodPassword}))
}

// during runs once, in the middle of what draws from it: after the account was read and before anything is written.
type during struct {
	once sync.Once
	do   func()
}

func (d *during) Read(p []byte) (int, error) {
	d.once.Do(d.do)
	return rand.Read(p)
}

// A stolen session that began to set up a factor before the owner's was enabled must not replace it afterwards.
func TestSetUpSecondFactor_400_whenTheOwnerEnablesOneMeanwhile(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	mine, stolen := f.signIn(t, user.Email, here), f.signIn(t, user.Email, here)
	enrolment, err := f.SetUpSecondFactor(t.Context(), mine.Principal, auth.SetUp{}, here)
	require.NoError(t, err)
	a := &app{f: f, secret: enrolment.Secret}
	deps := f.deps
	deps.Random = &during{do: func() {
		_, err := f.EnableSecondFactor(t.Context(), mine.Principal, a.code(t), here)
		require.NoError(t, err)
	}}
	_, err = auth.NewService(f.cfg, deps).SetUpSecondFactor(t.Context(), stolen.Principal, auth.SetUp{}, here)
	require.ErrorIs(t, err, auth.ErrInvalidCode)
	var pending int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select count(*) from second_factors where not enabled").Scan(&pending))
	require.Zero(t, pending)
}

// Whatever changes a factor at the same time ends in one order, and not in an error of the database.
func TestSecondFactor_changesAtOnceDoNotDeadlock(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	for range 8 {
		f.clock.advance(time.Minute)
		enrolment, err := f.SetUpSecondFactor(t.Context(), a.session.Principal, auth.SetUp{Password: goodPassword, Code: a.code(t)}, here)
		require.NoError(t, err)
		f.clock.advance(time.Minute)
		next := &app{f: f, secret: enrolment.Secret, session: a.session}
		challenge, old, fresh := f.challenged(t, user.Email, false), a.code(t), next.code(t)
		errs := make([]error, 3)
		var wg sync.WaitGroup
		wg.Go(func() { _, errs[0] = f.EnableSecondFactor(t.Context(), a.session.Principal, fresh, here) })
		wg.Go(func() { _, _, errs[1] = f.VerifySecondFactor(t.Context(), challenge, auth.Proof{Code: old}, here) })
		wg.Go(func() {
			_, errs[2] = f.SetUpSecondFactor(t.Context(), a.session.Principal, auth.SetUp{Password: goodPassword, Code: old}, here)
		})
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				require.ErrorIs(t, err, auth.ErrInvalidCode)
			}
		}
		if errs[0] == nil {
			a = next
		}
	}
}

func TestSecondFactor_theOwnerIsToldOfEveryChange(t *testing.T) {
	t.Parallel()
	f := setup(t)
	browser := auth.Client{IP: "203.0.113.8", UserAgent: "Mozilla/5.0 (Windows NT 10.0; rv:145.0) Gecko/20100101 Firefox/145.0 call +1 555 0100"}
	user := f.member(t, "ada")
	session := f.signIn(t, user.Email, browser)
	told := func(subject string) {
		t.Helper()
		f.deliver(t)
		require.Len(t, f.inbox.all(), 1)
		mail := f.inbox.last(t)
		require.Equal(t, subject, mail.Subject)
		require.Equal(t, user.Email, mail.To)
		if subject != "Your second factor was reset by our support" {
			require.Contains(t, mail.Text, "Firefox on Windows, at 203.0.113.8")
		}
		require.NotContains(t, mail.Text+mail.HTML, "555", "nothing that a client wrote is quoted")
		f.inbox.empty()
	}
	a := &app{f: f}
	enable := func(in auth.SetUp) {
		t.Helper()
		enrolment, err := f.SetUpSecondFactor(t.Context(), session.Principal, in, browser)
		require.NoError(t, err)
		a.secret = enrolment.Secret
		_, err = f.EnableSecondFactor(t.Context(), session.Principal, a.code(t), browser)
		require.NoError(t, err)
		f.clock.advance(time.Minute)
	}
	enable(auth.SetUp{})
	told("Your second factor was turned on")
	enable(auth.SetUp{Code: a.code(t)})
	told("Your second factor was replaced")
	require.NoError(t, f.DisableSecondFactor(t.Context(), session.Principal, goodPassword, auth.Proof{Code: a.code(t)}, browser))
	told("Your second factor was turned off")
	enable(auth.SetUp{})
	told("Your second factor was turned on")
	require.NoError(t, f.ResetSecondFactor(t.Context(), user.Email))
	told("Your second factor was reset by our support")
	session = f.signIn(t, user.Email, browser)
	require.NoError(t, f.ChangePassword(t.Context(), session.Principal, goodPassword, again(otherPassword), browser))
	told("Your password was changed")
}

func TestResetSecondFactor_letsTheOwnerIn(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	_, err := f.SetUpSecondFactor(t.Context(), a.session.Principal, auth.SetUp{Password: goodPassword, Code: a.code(t)}, here)
	require.NoError(t, err)
	challenge := f.challenged(t, user.Email, false)
	require.NoError(t, f.ResetSecondFactor(t.Context(), " ADA@example.com"))
	f.requireDead(t, a.session, "revoked")
	require.Equal(t, "second_factor_reset", last(f.events(t, &user.ID)))
	require.ErrorIs(t, f.verify(t, challenge, auth.Proof{RecoveryCode: a.recovery[0]}), auth.ErrInvalidCode)
	require.NoError(t, f.signInWith(t, user.Email, goodPassword))
	var left int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(),
		"select (select count(*) from second_factors) + (select count(*) from recovery_codes)").Scan(&left))
	require.Zero(t, left)

	require.ErrorIs(t, f.ResetSecondFactor(t.Context(), user.Email), auth.ErrNoSecondFactor)
	require.ErrorIs(t, f.ResetSecondFactor(t.Context(), "stranger@example.com"), auth.ErrNoAccount)
}
