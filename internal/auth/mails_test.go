package auth_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth"
)

// A mail that was refused brings another code when it is sent again. Neither code is logged or stored.
func TestMails_nothing_secret_is_kept_or_logged(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user := f.signUp(t, "ada")
	id := <-f.pushed
	f.inbox.answer = errors.New("mail: hand over: server answered 451")
	require.NoError(t, f.mailer.Run(t.Context(), id))
	f.inbox.answer = nil
	_, err := f.store.Pool().Exec(t.Context(), "update outbox_mails set run_at = now()")
	require.NoError(t, err)
	require.NoError(t, f.mailer.Run(t.Context(), id))
	code := f.inbox.code(t)
	require.NotContains(t, f.log.String(), code)
	require.NotContains(t, f.log.String(), "example.com")
	var kept string
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select row_to_json(o)::text from outbox_mails o").Scan(&kept))
	require.NotContains(t, kept, `"`+code)
	require.NoError(t, f.Confirm(t.Context(), auth.Confirmation{Email: user.Email, Code: code}, here), "the code that was sent is the newest")
}

func TestSignUp_doesNotDependOnTheQueue(t *testing.T) {
	t.Parallel()
	f := setup(t)
	deps := f.deps
	deps.Push = func(context.Context, uuid.UUID) error { return errors.New("redis is away") }
	id, err := auth.NewService(f.cfg, deps).SignUp(t.Context(), application("ada"), here)
	require.NoError(t, err)
	require.Contains(t, f.log.String(), "mail is left to the sweeper")
	var promised int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select count(*) from outbox_mails where user_id = $1", id).Scan(&promised))
	require.Equal(t, 1, promised)
}
