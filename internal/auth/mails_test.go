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
	b := setup(t)
	user := b.signUp(t, "ada")
	id := <-b.pushed
	b.inbox.answer = errors.New("mail: hand over: server answered 451")
	require.NoError(t, b.mailer.Run(t.Context(), id))
	b.inbox.answer = nil
	_, err := b.store.Pool().Exec(t.Context(), "update outbox_mails set run_at = now()")
	require.NoError(t, err)
	require.NoError(t, b.mailer.Run(t.Context(), id))
	code := b.inbox.code(t)
	require.NotContains(t, b.log.String(), code)
	require.NotContains(t, b.log.String(), "example.com")
	var kept string
	require.NoError(t, b.store.Pool().QueryRow(t.Context(), "select row_to_json(o)::text from outbox_mails o").Scan(&kept))
	require.NotContains(t, kept, `"`+code)
	require.NoError(t, b.Confirm(t.Context(), user.Email, code, here), "the code that was sent is the newest")
}

func TestSignUp_doesNotDependOnTheQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	deps := b.deps
	deps.Push = func(context.Context, uuid.UUID) error { return errors.New("redis is away") }
	id, err := auth.NewService(b.cfg, deps).SignUp(t.Context(), application("ada"), here)
	require.NoError(t, err)
	require.Contains(t, b.log.String(), "mail is left to the sweeper")
	var promised int
	require.NoError(t, b.store.Pool().QueryRow(t.Context(), "select count(*) from outbox_mails where user_id = $1", id).Scan(&promised))
	require.Equal(t, 1, promised)
}
