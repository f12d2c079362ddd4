package auth_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

func TestRecoveryCodes_countOnceInAnySpelling(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	typed := strings.ToLower(strings.ReplaceAll(a.recovery[3], "-", " "))
	typed = strings.NewReplacer("0", "o", "1", "l").Replace(typed)
	require.NoError(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{RecoveryCode: typed}))
	require.Contains(t, f.events(t, &user.ID), "recovery_code_used")
	require.ErrorIs(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{RecoveryCode: a.recovery[3]}), auth.ErrInvalidCode)
	require.NoError(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{RecoveryCode: a.recovery[4]}))
}

func TestSetUpSecondFactor_400_replacingOneNeedsItsCode(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	for _, code := range []string{"", a.wrong(t)} {
		_, err := f.SetUpSecondFactor(t.Context(), a.session.Principal, auth.SetUp{Password: goodPassword, Code: code}, here)
		require.ErrorIs(t, err, auth.ErrInvalidCode)
	}
	enrolment, err := f.SetUpSecondFactor(t.Context(), a.session.Principal, auth.SetUp{Password: goodPassword, Code: a.code(t)}, here)
	require.NoError(t, err)
	f.clock.advance(time.Minute)
	require.NoError(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: a.code(t)}), "until then the old one counts")
	replaced := &app{f: f, secret: enrolment.Secret}
	replaced.recovery, err = f.EnableSecondFactor(t.Context(), a.session.Principal, replaced.code(t), here)
	require.NoError(t, err)
	f.clock.advance(time.Minute)
	require.ErrorIs(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: a.code(t)}), auth.ErrInvalidCode)
	require.ErrorIs(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{RecoveryCode: a.recovery[0]}), auth.ErrInvalidCode)
	require.NoError(t, f.verify(t, f.challenged(t, user.Email, false), auth.Proof{Code: replaced.code(t)}))
}

func TestDisableSecondFactor_204_needsPasswordAndProof(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	disable := func(plain string, proof auth.Proof) error {
		return f.DisableSecondFactor(t.Context(), a.session.Principal, plain, proof, here)
	}
	requireFields(t, disable(goodPassword, auth.Proof{}), "/code one_of")
	require.ErrorIs(t, disable("not the password", auth.Proof{Code: a.code(t)}), auth.ErrInvalidCredentials)
	require.ErrorIs(t, disable(goodPassword, auth.Proof{Code: a.wrong(t)}), auth.ErrInvalidCode)
	require.NoError(t, disable(goodPassword, auth.Proof{RecoveryCode: a.recovery[0]}))
	require.NoError(t, f.signInWith(t, user.Email, goodPassword))
	require.ErrorIs(t, disable(goodPassword, auth.Proof{Code: a.code(t)}), auth.ErrInvalidCode, "there is none")
	var left int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(),
		"select (select count(*) from second_factors) + (select count(*) from recovery_codes)").Scan(&left))
	require.Zero(t, left)
}

func TestResetPassword_200_doesNotGetPastTheSecondFactor(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	require.NoError(t, f.ResetPassword(t.Context(), f.resetToken(t, user.Email), again(otherPassword), here))
	_, err := f.SignIn(t.Context(), auth.Credentials{Email: user.Email, Password: otherPassword}, here)
	require.ErrorIs(t, err, auth.ErrSecondFactorRequired)
	challenge := apperr.From(err).Details["challenge"].(string)
	require.ErrorIs(t, f.verify(t, challenge, auth.Proof{Code: a.wrong(t)}), auth.ErrInvalidCode)
	require.NoError(t, f.verify(t, challenge, auth.Proof{Code: a.code(t)}))
}

func TestSecondFactor_secretsAreEncryptedAndBoundToTheirAccount(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	grace, _ := f.protected(t, "grace")
	var kept string
	require.NoError(t, f.store.Pool().QueryRow(t.Context(),
		"select string_agg(encode(secret, 'escape'), '') || (select string_agg(encode(code_hash, 'escape'), '') from recovery_codes) from second_factors",
	).Scan(&kept))
	require.NotContains(t, kept, a.secret)
	require.NotContains(t, kept, a.recovery[0])
	require.NotContains(t, f.log.String(), a.secret)

	_, err := f.store.Pool().Exec(t.Context(), `update second_factors set secret = s.secret from second_factors s
		where second_factors.user_id = $1 and s.user_id = $2`, grace.ID, user.ID)
	require.NoError(t, err)
	err = f.verify(t, f.challenged(t, grace.Email, false), auth.Proof{Code: a.code(t)})
	require.ErrorContains(t, err, "can't be opened", "the row of another account is of no use")
}

func TestSecondFactor_survivesAChangeOfTheSecret(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, a := f.protected(t, "ada")
	rotated, err := token.NewKeyring("another secret of thirty-two bytes or more", secret)
	require.NoError(t, err)
	final, err := token.NewKeyring("another secret of thirty-two bytes or more")
	require.NoError(t, err)
	with := func(ring *token.Keyring) *auth.Service {
		deps := f.deps
		deps.Vault, err = auth.NewVault(ring, rand.Reader)
		require.NoError(t, err)
		return auth.NewService(f.cfg, deps)
	}
	use := func(s *auth.Service, proof auth.Proof) error {
		_, _, err := s.VerifySecondFactor(t.Context(), f.challenged(t, user.Email, false), proof, here)
		f.clock.advance(time.Minute)
		return err
	}
	require.ErrorContains(t, use(with(final), auth.Proof{Code: a.code(t)}), "can't be opened", "without the old key and before Maintain")
	require.NoError(t, with(final).Maintain(t.Context()), "what can't be opened is reported and left")
	require.Contains(t, f.log.String(), "can't be opened with any configured key")

	require.NoError(t, use(with(rotated), auth.Proof{Code: a.code(t)}))
	require.NoError(t, with(rotated).Maintain(t.Context()))
	require.NoError(t, use(with(final), auth.Proof{Code: a.code(t)}))
	require.NoError(t, use(with(final), auth.Proof{RecoveryCode: a.recovery[0]}))
}
