package auth_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

// app is an authenticator app with recovery codes beside it.
type app struct {
	f        *fixture
	secret   string
	recovery []string
	session  auth.Session // through which it was enabled
}

// code is what the app shows now.
func (a *app) code(t *testing.T) string {
	t.Helper()
	code, err := totp.GenerateCode(a.secret, a.f.clock.Now())
	require.NoError(t, err)
	return code
}

// wrong is a code that the app does not show, now or next to now.
func (a *app) wrong(t *testing.T) string {
	t.Helper()
	shown := map[string]bool{}
	for _, shift := range []time.Duration{-30 * time.Second, 0, 30 * time.Second} {
		code, err := totp.GenerateCode(a.secret, a.f.clock.Now().Add(shift))
		require.NoError(t, err)
		shown[code] = true
	}
	for n := 0; ; n++ {
		if code := fmt.Sprintf("%06d", n); !shown[code] {
			return code
		}
	}
}

// protected makes an account with a second factor. The code that enabled it is a minute old.
func (f *fixture) protected(t *testing.T, username string) (db.User, *app) {
	t.Helper()
	user := f.member(t, username)
	a := &app{f: f, session: f.signIn(t, user.Email, here)}
	enrolment, err := f.SetUpSecondFactor(t.Context(), a.session.Principal, auth.SetUp{}, here)
	require.NoError(t, err)
	a.secret = enrolment.Secret
	a.recovery, err = f.EnableSecondFactor(t.Context(), a.session.Principal, a.code(t), here)
	require.NoError(t, err)
	f.clock.advance(time.Minute)
	return f.user(t, user.ID), a
}

// challenged signs in with the password and returns the challenge.
func (f *fixture) challenged(t *testing.T, email string, byCookie bool) string {
	t.Helper()
	_, err := f.SignIn(t.Context(), auth.Credentials{Email: email, Password: goodPassword, ByCookie: byCookie}, here)
	require.ErrorIs(t, err, auth.ErrSecondFactorRequired)
	challenge, ok := apperr.From(err).Details["challenge"].(string)
	require.True(t, ok)
	require.Len(t, challenge, 43)
	require.NotContains(t, err.Error(), challenge)
	return challenge
}

func (f *fixture) verify(t *testing.T, challenge string, proof auth.Proof) error {
	t.Helper()
	_, _, err := f.VerifySecondFactor(t.Context(), challenge, proof, here)
	return err
}

func TestSetUpSecondFactor_200(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session := f.signIn(t, user.Email, here)
	enrolment, err := f.SetUpSecondFactor(t.Context(), session.Principal, auth.SetUp{}, here)
	require.NoError(t, err)
	require.Len(t, enrolment.Secret, 32)
	address, err := url.Parse(enrolment.URL)
	require.NoError(t, err)
	require.Equal(t, "otpauth", address.Scheme)
	require.Equal(t, "/MugShot Studio:"+user.Email, address.Path)
	require.Equal(t, enrolment.Secret, address.Query().Get("secret"))
	require.NoError(t, f.signInWith(t, user.Email, goodPassword), "it does not count yet")
}

func TestEnableSecondFactor_200_400(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	session := f.signIn(t, user.Email, here)
	_, err := f.EnableSecondFactor(t.Context(), session.Principal, "123456", here)
	require.ErrorIs(t, err, auth.ErrInvalidCode, "nothing was set up")
	enrolment, err := f.SetUpSecondFactor(t.Context(), session.Principal, auth.SetUp{}, here)
	require.NoError(t, err)
	a := &app{f: f, secret: enrolment.Secret}
	_, err = f.EnableSecondFactor(t.Context(), session.Principal, a.wrong(t), here)
	require.ErrorIs(t, err, auth.ErrInvalidCode)
	require.Nil(t, f.user(t, user.ID).SecondFactorEnabledAt)

	codes, err := f.EnableSecondFactor(t.Context(), session.Principal, a.code(t), here)
	require.NoError(t, err)
	require.Len(t, codes, 10)
	distinct := map[string]bool{}
	for _, code := range codes {
		require.Regexp(t, `^[0-9A-HJKMNP-TV-Z]{6}(-[0-9A-HJKMNP-TV-Z]{6}){3}$`, code)
		distinct[code] = true
	}
	require.Len(t, distinct, 10)
	require.NotNil(t, f.user(t, user.ID).SecondFactorEnabledAt)
	f.refresh(t, session, here)
	require.Equal(t, "second_factor_enabled", last(f.events(t, &user.ID)))

	err = f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: a.code(t)})
	require.ErrorIs(t, err, auth.ErrInvalidCode, "the code that enabled it is spent")
}

func TestVerifySecondFactor_200(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	for _, asked := range []bool{false, true} {
		challenge := f.challenged(t, user.Email, asked)
		session, byCookie, err := f.VerifySecondFactor(t.Context(), challenge, auth.Proof{Code: a.code(t)}, here)
		require.NoError(t, err)
		require.Equal(t, asked, byCookie)
		f.refresh(t, session, here)
		require.ErrorIs(t, f.verify(t, challenge, auth.Proof{Code: a.code(t)}), auth.ErrInvalidCode, "met once")
		f.clock.advance(time.Minute)
	}
	events := f.events(t, &user.ID)
	require.Contains(t, events, "second_factor_asked")
	require.Contains(t, events, "signed_in")
}

func TestVerifySecondFactor_200_howeverTheCodeIsTyped(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	code := a.code(t)
	require.NoError(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: code[:3] + "\u00a0" + code[3:] + "\r\n"}))
	typed := strings.ReplaceAll(strings.ToLower(a.recovery[0]), "-", "\u2013") + "\u200b"
	require.NoError(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{RecoveryCode: typed}))
}

func TestVerifySecondFactor_400_eachCodeCountsOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	code := a.code(t)
	require.NoError(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: code}))
	require.ErrorIs(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: code}), auth.ErrInvalidCode)
	f.clock.advance(30 * time.Second)
	require.ErrorIs(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: code}), auth.ErrInvalidCode,
		"still within the skew, and still spent")
	require.NoError(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: a.code(t)}))
}

func TestVerifySecondFactor_ofTenAtOnceOneSucceeds(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	challenges := make([]string, 10)
	for i := range challenges {
		challenges[i] = f.challenged(t, user.Email, false)
	}
	code := a.code(t)
	var succeeded atomic.Int32
	var wg sync.WaitGroup
	for _, challenge := range challenges {
		wg.Go(func() {
			_, _, err := f.VerifySecondFactor(t.Context(), challenge, auth.Proof{Code: code}, here)
			switch {
			case err == nil:
				succeeded.Add(1)
			case !errors.Is(err, auth.ErrInvalidCode) && !errors.Is(err, ratelimit.ErrLocked):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, succeeded.Load())
}

func TestVerifySecondFactor_atTheEdgesOfTheSkew(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	f.clock.advance(time.Hour)
	for _, tc := range []struct {
		shift time.Duration
		want  error
	}{
		{-60 * time.Second, auth.ErrInvalidCode},
		{-30 * time.Second, nil},
		{0, nil},
		{30 * time.Second, nil},
		{60 * time.Second, auth.ErrInvalidCode},
	} {
		code, err := totp.GenerateCode(a.secret, f.clock.Now().Add(tc.shift))
		require.NoError(t, err)
		require.ErrorIs(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: code}), tc.want, "%s", tc.shift)
	}
}

func TestVerifySecondFactor_400_aChallengeThatIsNotGood(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	for _, bad := range []string{"", "x", strings.Repeat("A", 43)} {
		require.ErrorIs(t, f.verify(t, bad, auth.Proof{Code: a.code(t)}), auth.ErrInvalidCode)
	}
	expired := f.challenged(t, user.Email, false)
	f.clock.advance(5 * time.Minute)
	require.ErrorIs(t, f.verify(t, expired, auth.Proof{Code: a.code(t)}), auth.ErrInvalidCode)

	outdated := f.challenged(t, user.Email, false)
	require.NoError(t, f.ChangePassword(t.Context(), a.session.Principal, goodPassword, again(otherPassword), here))
	require.ErrorIs(t, f.verify(t, outdated, auth.Proof{Code: a.code(t)}), auth.ErrInvalidCode)

	for _, proof := range []auth.Proof{{}, {Code: "123456", RecoveryCode: a.recovery[0]}} {
		requireFields(t, f.verify(t, outdated, proof), "/code one_of")
	}
}

func TestVerifySecondFactor_429_wrongCodesLockWhateverTheChallenge(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	for i := range 5 {
		// From five addresses, since an address would be locked as well.
		client := auth.Client{IP: fmt.Sprintf("203.0.113.%d", i)}
		_, _, err := f.VerifySecondFactor(t.Context(), f.challenged(t, user.Email, false), auth.Proof{Code: a.wrong(t)}, client)
		require.ErrorIs(t, err, auth.ErrInvalidCode)
	}
	require.ErrorIs(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: a.code(t)}), ratelimit.ErrLocked)
	events := f.events(t, &user.ID)
	require.Contains(t, events, "second_factor_refused")
	require.Contains(t, events, "account_locked")
}

func TestVerifySecondFactor_guessesSideBySideShareFiveTries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	challenge, wrong := f.challenged(t, user.Email, false), a.wrong(t)
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			client := auth.Client{IP: fmt.Sprintf("203.0.113.%d", i)}
			_, _, err := f.VerifySecondFactor(t.Context(), challenge, auth.Proof{Code: wrong}, client)
			if !errors.Is(err, auth.ErrInvalidCode) && !errors.Is(err, ratelimit.ErrLocked) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var attempts int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select max(attempts) from second_factor_challenges").Scan(&attempts))
	require.Equal(t, 5, attempts)
}
