package auth_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// awaiting makes an account whose code has arrived.
func (f *fixture) awaiting(t *testing.T) (user db.User, code, wrong string) {
	t.Helper()
	user = f.signUp(t, "ada")
	f.deliver(t)
	code = f.inbox.code(t)
	wrong = "000000"
	if code == wrong {
		wrong = "000001"
	}
	return user, code, wrong
}

func TestConfirm_200_withTheBonusOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, code, _ := f.awaiting(t)
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: " ADA@example.com", Code: code}, here))
	require.NotNil(t, f.user(t, user.ID).EmailConfirmedAt)
	require.EqualValues(t, bonus, factory.Balance(t, f.store, user.ID))
	require.Equal(t, []string{"signed_up", "email_confirmed"}, f.events(t, &user.ID))

	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: code}, here), "a double click")
	require.EqualValues(t, bonus, factory.Balance(t, f.store, user.ID))
	require.Equal(t, fmt.Sprint("signup_bonus ", bonus), <-f.balanceChanges)
	require.Empty(t, f.balanceChanges, "told once")
}

func TestConfirm_200_howeverTheCodeIsTyped(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, code, _ := f.awaiting(t)
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: " " + code[:3] + "-" + code[3:] + "\n"}, here))
}

func TestConfirm_400_aUsedCodeIsNotAnsweredForEver(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, code, wrong := f.awaiting(t)
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: code}, here))
	require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: wrong}, here), auth.ErrInvalidCode)
	f.clock.advance(10 * time.Minute)
	require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: code}, here), auth.ErrInvalidCode)
}

// The mail server takes the first mail late, after the second: the code that came last to be asked for counts.
func TestConfirm_200_theNewestMailCountsInWhateverOrderMailsAreSent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.signUp(t, "ada")
	first := <-f.pushed
	f.inbox.answer = errors.New("mail: hand over: server answered 451")
	require.NoError(t, f.mailer.Run(t.Context(), first))
	f.inbox.answer = nil
	f.later(t)
	require.NoError(t, f.ResendConfirmation(t.Context(), user.Email, here))
	f.deliver(t)
	newest := f.inbox.code(t)
	_, err := f.store.Pool().Exec(t.Context(), "update outbox_mails set run_at = now()")
	require.NoError(t, err)
	require.NoError(t, f.mailer.Run(t.Context(), first))
	require.Len(t, f.inbox.all(), 1, "the older mail has nothing to bring")
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: newest}, here))
}

func TestConfirm_400_wrongAndUnknownLookTheSame(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _, wrong := f.awaiting(t)
	require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: wrong}, here), auth.ErrInvalidCode)
	require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: "stranger@example.com", Code: wrong}, here), auth.ErrInvalidCode)
	require.Contains(t, f.events(t, &user.ID), "email_code_refused")
	require.Equal(t, []string{"email_code_refused"}, f.events(t, nil))
}

func TestConfirm_400_expired(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, code, _ := f.awaiting(t)
	f.clock.advance(10 * time.Minute)
	require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: code}, here), auth.ErrInvalidCode)
	require.Nil(t, f.user(t, user.ID).EmailConfirmedAt)
}

func TestConfirm_400_afterFiveTriesEvenWithTheRightCode(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, code, wrong := f.awaiting(t)
	for range 5 {
		require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: wrong}, here), auth.ErrInvalidCode)
	}
	require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: code}, here), auth.ErrInvalidCode)

	f.later(t)
	require.NoError(t, f.ResendConfirmation(t.Context(), user.Email, here))
	f.deliver(t)
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: f.inbox.code(t)}, here), "a new code starts anew")
}

func TestConfirm_400_onlyTheNewestCodeCounts(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, first, _ := f.awaiting(t)
	f.later(t)
	require.NoError(t, f.ResendConfirmation(t.Context(), user.Email, here))
	f.deliver(t)
	newest := f.inbox.code(t)
	if first != newest {
		require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: first}, here), auth.ErrInvalidCode)
	}
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: newest}, here))
}

func TestConfirm_400_theCodeOfAnotherAccount(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, code, _ := f.awaiting(t)
	grace := f.signUp(t, "grace")
	require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: grace.Email, Code: code}, here), auth.ErrInvalidCode)
}

// A creator who clicks twice is told twice; the bonus is given once.
func TestConfirm_200_twiceAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, code, _ := f.awaiting(t)
	var wg sync.WaitGroup
	for range 5 { // as often as a code may be tried
		wg.Go(func() {
			if err := f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: code}, here); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, bonus, factory.Balance(t, f.store, user.ID))
	require.Len(t, f.balanceChanges, 1)
}

func TestConfirm_guessesSideBySideShareFiveTries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, code, _ := f.awaiting(t)
	// Forty guesses at once, the right one among them in many places: if more than five were looked at, it would be
	// found more often than chance allows. What is looked at is counted by the row.
	var wg sync.WaitGroup
	for n := range 40 {
		guess := fmt.Sprintf("%06d", n)
		if guess == code {
			continue
		}
		wg.Go(func() {
			if err := f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: guess}, here); !errors.Is(err, auth.ErrInvalidCode) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var attempts int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select attempts from email_codes").Scan(&attempts))
	require.Equal(t, 5, attempts)
	require.ErrorIs(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: code}, here), auth.ErrInvalidCode)
}

func TestEmailCodes_areStoredHashedWithAKey(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, code, _ := f.awaiting(t)
	var stored []byte
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select code_hash from email_codes").Scan(&stored))
	require.True(t, f.codes.Match(stored, user.ID, "confirm_email", code))
	require.NotContains(t, string(stored), code)
}

func TestResendConfirmation_200_costsTheSameForEveryAddress(t *testing.T) {
	t.Parallel()
	f := setup(t)
	waiting, confirmed := f.signUp(t, "ada"), f.member(t, "grace")
	f.deliver(t)
	f.inbox.empty()
	f.later(t)
	var work [][]string
	for _, email := range []string{waiting.Email, confirmed.Email, "stranger@example.com", waiting.Email} {
		hashes, pushed := f.hasher.Hashes(), len(f.pushed)
		work = append(work, f.queries.during(func() {
			require.NoError(t, f.ResendConfirmation(t.Context(), email, here))
		}))
		require.Equal(t, hashes, f.hasher.Hashes())
		require.Len(t, f.pushed, pushed+1)
	}
	require.Equal(t, work[0], work[1])
	require.Equal(t, work[0], work[2])
	require.Equal(t, work[0], work[3])

	f.deliver(t)
	require.Len(t, f.inbox.all(), 1, "only the one who waits gets a mail, and one within a minute")
	require.Equal(t, waiting.Email, f.inbox.last(t).To)
	require.NotContains(t, f.events(t, &confirmed.ID), "confirmation_resent", "a stranger's request leaves nothing with the owner")
	var left int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(),
		"select count(*) from outbox_mails where status <> 'sent'").Scan(&left))
	require.Zero(t, left, "mails that are not needed are forgotten")
}
