package auth_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// leave removes an account as its owner's deletion does.
func (f *fixture) leave(t *testing.T, user db.User) {
	t.Helper()
	require.NoError(t, f.store.InTx(t.Context(), func(q *db.Queries) error {
		if err := f.KeepBonusClaim(t.Context(), q, user); err != nil {
			return err
		}
		return q.UserDelete(t.Context(), user.ID)
	}))
}

func (f *fixture) byEmail(t *testing.T, email string) db.User {
	t.Helper()
	user, err := f.store.Queries().UserByEmail(t.Context(), email)
	require.NoError(t, err)
	return user
}

func (f *fixture) confirmNewest(t *testing.T, email string) {
	t.Helper()
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: email, Code: f.inbox.code(t)}, here))
	f.inbox.empty()
}

// withSecrets replaces the keys under which addresses are remembered.
func (f *fixture) withSecrets(t *testing.T, current string, previous ...string) {
	t.Helper()
	ring, err := token.NewKeyring(current, previous...)
	require.NoError(t, err)
	f.deps.BonusClaims = credits.NewBonusClaims(ring.Derive(token.BonusClaims))
	f.Service = auth.NewService(f.cfg, f.deps)
}

func TestConfirm_200_theBonusIsGivenOnceForEachAddress(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first := f.member(t, "ada")
	require.EqualValues(t, bonus, factory.Balance(t, f.store, first.ID))
	require.Equal(t, fmt.Sprint("signup_bonus ", bonus), <-f.balanceChanges)
	for _, email := range []string{first.Email, strings.ToUpper(first.Email)} {
		f.leave(t, f.byEmail(t, first.Email))
		in := application("ada")
		in.Email = email
		_, err := f.SignUp(t.Context(), in, here)
		require.NoError(t, err)
		f.deliver(t)
		f.confirmNewest(t, email)
		again := f.byEmail(t, email)
		require.NotEqual(t, first.ID, again.ID)
		require.NotNil(t, again.EmailConfirmedAt)
		require.Zero(t, factory.Balance(t, f.store, again.ID))
		require.Equal(t, []string{"signed_up", "email_confirmed"}, f.events(t, &again.ID))
	}
	require.Empty(t, f.balanceChanges, "no bonus is told that was not given")

	other := f.member(t, "grace")
	require.EqualValues(t, bonus, factory.Balance(t, f.store, other.ID))
}

func TestConfirm_200_theBonusIsRememberedWhileTheSecretChanges(t *testing.T) {
	t.Parallel()
	const next, last = "another secret of thirty-two bytes or more", "a third secret of thirty-two bytes or more"
	f := setup(t)
	f.leave(t, f.member(t, "ada"))
	f.withSecrets(t, secret, next) // first every process accepts the new secret
	f.leave(t, f.member(t, "grace"))
	f.withSecrets(t, next, secret) // then the two are swapped
	for _, name := range []string{"ada", "grace"} {
		again := f.member(t, name)
		require.Zero(t, factory.Balance(t, f.store, again.ID))
		f.leave(t, again)
	}
	f.withSecrets(t, last, next) // both were written anew under the secret that is the old one now
	for _, name := range []string{"ada", "grace"} {
		require.Zero(t, factory.Balance(t, f.store, f.member(t, name).ID))
	}
}

// A password that is chosen by mail confirms the address as a code does, and gives the bonus no second time.
func TestResetPassword_200_givesNoSecondBonus(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.leave(t, f.member(t, "ada"))
	user := f.signUp(t, "ada")
	require.NoError(t, f.ResetPassword(t.Context(), f.resetToken(t, user.Email), again(otherPassword), here))
	require.NotNil(t, f.user(t, user.ID).EmailConfirmedAt)
	require.Zero(t, factory.Balance(t, f.store, user.ID))
}

// An account may have had its bonus before claims were written, or under a secret that is gone: its deletion writes the claim.
func TestKeepBonusClaim_ofAnAccountWithoutClaim(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	_, err := f.store.Pool().Exec(t.Context(), "delete from bonus_claims")
	require.NoError(t, err)
	f.leave(t, user)
	require.Zero(t, factory.Balance(t, f.store, f.member(t, "ada").ID))

	f.cfg.SignupBonus = 0
	f.withSecrets(t, secret)
	f.leave(t, f.member(t, "grace"))
	f.cfg.SignupBonus = bonus
	f.withSecrets(t, secret)
	require.EqualValues(t, bonus, factory.Balance(t, f.store, f.member(t, "grace").ID), "an address that had none can have one")
}

func TestBonusClaims_nameNoAddress(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.member(t, "ada")
	var hash []byte
	var row string
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select address_hash, c::text from bonus_claims c").Scan(&hash, &row))
	require.NotContains(t, string(hash), "ada@")
	require.NotContains(t, row, user.ID.String())
	unkeyed := sha256.Sum256([]byte(strings.ToLower(user.Email)))
	require.NotEqual(t, unkeyed[:], hash, "who has a list of addresses must not be able to find them here")
	require.NotContains(t, f.log.String(), user.Email)
}
