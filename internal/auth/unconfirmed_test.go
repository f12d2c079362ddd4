package auth_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// A stranger who signs up with an address must not find that its owner has confirmed the stranger's account.
func TestSignUp_201_takesThePlaceOfAnUnconfirmedAccount(t *testing.T) {
	t.Parallel()
	f := setup(t)
	strangers := f.signUp(t, "ada")
	f.deliver(t)
	strangersCode, link := f.inbox.code(t), f.resetToken(t, strangers.Email)
	f.later(t)
	require.NoError(t, f.ResendConfirmation(t.Context(), strangers.Email, here), "a mail that is still to be sent")

	in := application("ada.lovelace")
	in.Email, in.Password, in.ConfirmPassword, in.FullName = "ADA@example.com", otherPassword, otherPassword, "Augusta Ada King"
	in.DOB = in.DOB.AddDate(1, 0, 0)
	id, err := f.SignUp(t.Context(), in, here)
	require.NoError(t, err)
	require.NotEqual(t, strangers.ID, id)
	user := f.user(t, id)
	require.Equal(t, []any{in.Username, in.FullName, in.DOB}, []any{user.Username, user.FullName, user.Dob.UTC()})
	var left int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select count(*) from users").Scan(&left))
	require.Equal(t, 1, left)
	require.Contains(t, f.events(t, nil), "unconfirmed_account_replaced")

	f.inbox.empty()
	f.deliver(t)
	require.Len(t, f.inbox.all(), 1, "the mail of the account that went is not sent")
	mine := f.inbox.code(t)
	if strangersCode != mine { // one in a million is the same
		require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: strangersCode}, here), auth.ErrInvalidCode)
	}
	require.ErrorIs(t, f.ResetPassword(t.Context(), link, again("any other password 7"), here), auth.ErrInvalidResetToken)
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: mine, Account: &id}, here))
	require.ErrorIs(t, f.signInWith(t, user.Email, goodPassword), auth.ErrInvalidCredentials)
	require.NoError(t, f.signInWith(t, user.Email, otherPassword))

	_, err = f.SignUp(t.Context(), application("charles"), here)
	require.NoError(t, err)
	_, err = f.SignUp(t.Context(), application("ada"), here)
	require.ErrorIs(t, err, auth.ErrEmailTaken, "what is confirmed stays")
}

func TestSignUp_201_ofTwentyAtOnceOneAccountIsLeft(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := f.SignUp(t.Context(), application("ada"), here); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var left int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select count(*) from users").Scan(&left))
	require.Equal(t, 1, left)
	f.deliver(t)
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: "ada@example.com", Code: f.inbox.code(t)}, here),
		"the one mail that was sent has its code")
}

// A stranger who signs up after the owner of an address must not have the owner confirm the stranger's password.
func TestConfirm_400_theCodeOfAnotherSignUp(t *testing.T) {
	t.Parallel()
	f := setup(t)
	mine := f.signUp(t, "ada")
	_, err := f.SignUp(t.Context(), application("ada"), here)
	require.NoError(t, err)
	f.deliver(t)
	code := f.inbox.code(t)
	err = f.Confirm(t.Context(), auth.Confirmation{Email: mine.Email, Code: code, Account: &mine.ID}, here)
	require.ErrorIs(t, err, auth.ErrInvalidCode)
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: mine.Email, Code: code}, here), "the newest, and no try was spent")
}

// Of a code and a sign-up at the same time one wins, and neither ends in an error of the database.
func TestSignUp_besideTheConfirmationOfTheAccountThatItReplaces(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for round := range 12 {
		name := fmt.Sprintf("ada%d", round)
		strangers := f.signUp(t, name)
		f.deliver(t)
		code, link := f.inbox.code(t), f.resetToken(t, strangers.Email)
		var signedUp, confirmed error
		var wg sync.WaitGroup
		wg.Go(func() { _, signedUp = f.SignUp(t.Context(), application(name), here) })
		wg.Go(func() {
			if round%2 == 0 {
				confirmed = f.Confirm(t.Context(), auth.Confirmation{Email: strangers.Email, Code: code}, here)
			} else if confirmed = f.ResetPassword(t.Context(), link, again(otherPassword), here); errors.Is(confirmed, auth.ErrInvalidResetToken) {
				confirmed = auth.ErrInvalidCode
			}
		})
		wg.Wait()
		if signedUp == nil {
			require.ErrorIs(t, confirmed, auth.ErrInvalidCode)
		} else {
			require.ErrorIs(t, signedUp, auth.ErrEmailTaken)
			require.NoError(t, confirmed)
		}
	}
}

func TestSignUp_201_aUsernameThatWasNotConfirmedInTimeIsFree(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.signUp(t, "ada")
	in := application("ADA")
	in.Email = "grace@example.com"
	_, err := f.SignUp(t.Context(), in, here)
	require.ErrorIs(t, err, auth.ErrUsernameTaken, "for seven days")
	f.clock.advance(unconfirmed + time.Second)
	obstacle, err := f.CheckUsername(t.Context(), "Ada")
	require.NoError(t, err)
	require.Empty(t, obstacle)
	_, err = f.SignUp(t.Context(), in, here)
	require.NoError(t, err)
}

func TestMaintain_removesWhatWasNotConfirmedInTime(t *testing.T) {
	t.Parallel()
	f := setup(t)
	old, kept := f.signUp(t, "ada"), f.member(t, "grace")
	_, err := f.store.Pool().Exec(t.Context(), `insert into assets (id, user_id, type, status, bucket, storage_path, content_type, size_bytes,
		width, height, md5) values (gen_random_uuid(), $1, 'profile_photo', 'ready', 'profile_photos', $2 || '/profile_photo/1.png',
		'image/png', 3, 1, 1, '9e107d9d372bb6826bd81d3542a419d6')`, old.ID, old.ID.String())
	require.NoError(t, err)
	f.clock.advance(unconfirmed)
	young := f.signUp(t, "young")
	require.NoError(t, f.Maintain(t.Context()))
	require.Equal(t, old.ID, f.user(t, old.ID).ID, "not a moment too early")

	f.clock.advance(time.Second)
	require.NoError(t, f.Maintain(t.Context()))
	f.user(t, kept.ID)
	f.user(t, young.ID)
	_, err = f.store.Queries().UserGet(t.Context(), old.ID)
	require.Error(t, err)
	var erased uuid.UUID
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select user_id from erasures").Scan(&erased))
	require.Equal(t, old.ID, erased, "its photo goes, and nothing is looked for where there was none")
	require.Contains(t, f.events(t, nil), "unconfirmed_account_expired")
	var traced int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(),
		"select count(*) from audit_logs where user_id is null and (ip <> '' or user_agent <> '')").Scan(&traced))
	require.Zero(t, traced, "nothing personal is left")
}

// An account that is confirmed between the list of old accounts and its turn stays.
func TestMaintain_keepsWhatIsConfirmedMeanwhile(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first, second := f.signUp(t, "ada"), f.signUp(t, "grace")
	f.clock.advance(unconfirmed + time.Second)
	deps := f.deps
	deps.Remove = func(ctx context.Context, q *db.Queries, id uuid.UUID) error {
		require.Equal(t, first.ID, id)
		_, err := f.store.Queries().UserConfirmEmail(ctx, db.UserConfirmEmailParams{ID: second.ID, Now: f.clock.Now()})
		require.NoError(t, err)
		return f.deps.Remove(ctx, q, id)
	}
	require.NoError(t, auth.NewService(f.cfg, deps).Maintain(t.Context()))
	f.user(t, second.ID)
}

func TestResetPassword_200_confirmsTheAddress(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.signUp(t, "ada")
	f.deliver(t)
	code := f.inbox.code(t)
	require.NoError(t, f.ResetPassword(t.Context(), f.resetToken(t, user.Email), again(otherPassword), here))
	require.NotNil(t, f.user(t, user.ID).EmailConfirmedAt)
	require.NoError(t, f.signInWith(t, user.Email, otherPassword))
	require.EqualValues(t, bonus, factory.Balance(t, f.store, user.ID))
	require.Equal(t, fmt.Sprint("signup_bonus ", bonus), <-f.balanceChanges)

	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: code}, here), "the code has nothing left to do")
	require.NoError(t, f.ResetPassword(t.Context(), f.resetToken(t, user.Email), again(goodPassword), here))
	require.EqualValues(t, bonus, factory.Balance(t, f.store, user.ID), "once")
	require.Empty(t, f.balanceChanges)
}
