package auth_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// promised makes an account and returns the id of its first mail, which nobody has been told of.
func (b *bundle) promised(t *testing.T) (db.User, uuid.UUID) {
	t.Helper()
	user := b.signUp(t, "ada")
	return user, <-b.pushed
}

type outboxRow struct {
	Status  string
	Attempt int
	Error   *string
	Delay   float64 // seconds until it may be tried again
}

func (b *bundle) outbox(t *testing.T, id uuid.UUID) (row outboxRow) {
	t.Helper()
	err := b.store.Pool().QueryRow(t.Context(),
		"select status, attempt, error, extract(epoch from run_at - now())::float8 from outbox_mails where id = $1", id,
	).Scan(&row.Status, &row.Attempt, &row.Error, &row.Delay)
	require.NoError(t, err)
	return row
}

// due makes a mail due that was put off.
func (b *bundle) due(t *testing.T, id uuid.UUID) {
	t.Helper()
	_, err := b.store.Pool().Exec(t.Context(), "update outbox_mails set run_at = now() where id = $1", id)
	require.NoError(t, err)
}

func TestDeliver_sends_once_however_often_it_is_told(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, id := b.promised(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := b.mailer.Deliver(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, b.inbox.all(), 1)
	require.Equal(t, "sent", b.outbox(t, id).Status)
	require.NoError(t, b.mailer.Deliver(t.Context(), factory.ID()), "a mail that never was is nothing to do")
}

func TestDeliver_puts_off_what_the_server_refuses_for_now(t *testing.T) {
	t.Parallel()
	b := setup(t)
	user, id := b.promised(t)
	b.inbox.answer = errors.New("mail: hand over: server answered 451")
	for attempt := 1; attempt <= 3; attempt++ {
		require.NoError(t, b.mailer.Deliver(t.Context(), id))
		row := b.outbox(t, id)
		require.Equal(t, "queued", row.Status)
		require.Equal(t, attempt, row.Attempt)
		require.Equal(t, "mail: hand over: server answered 451", *row.Error)
		full := 5 * float64(int(1)<<(attempt-1))
		require.Greater(t, row.Delay, full/2-2)
		require.LessOrEqual(t, row.Delay, full)

		require.NoError(t, b.mailer.Deliver(t.Context(), id), "not due yet")
		require.Equal(t, attempt, b.outbox(t, id).Attempt)
		require.Equal(t, "retried", <-b.outcomes)
		b.due(t, id)
	}
	require.Empty(t, b.outcomes, "an attempt that was not made came to nothing")
	b.inbox.answer = nil
	require.NoError(t, b.mailer.Deliver(t.Context(), id))
	require.Equal(t, "sent", b.outbox(t, id).Status)
	require.NoError(t, b.Confirm(t.Context(), user.Email, b.inbox.code(t), here), "the code that was sent is the newest")
}

func TestDeliver_gives_up_after_ten_attempts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, id := b.promised(t)
	b.inbox.answer = errors.New("mail: open session: connection refused")
	for range 12 {
		require.NoError(t, b.mailer.Deliver(t.Context(), id))
		b.due(t, id)
	}
	row := b.outbox(t, id)
	require.Equal(t, "failed", row.Status)
	require.Equal(t, 10, row.Attempt)
	for range 9 {
		require.Equal(t, "retried", <-b.outcomes)
	}
	require.Equal(t, "failed", <-b.outcomes)
	require.Empty(t, b.outcomes)
}

func TestDeliver_gives_up_at_once_what_is_refused_for_good(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, id := b.promised(t)
	sink, err := mail.NewSink(t.TempDir(), "MugShot <hello@example.com>", &syncBuffer{}, time.Now)
	require.NoError(t, err)
	b.inbox.answer = sink.Send(t.Context(), mail.Message{ID: "x", To: "not an address", Subject: "x", Text: "x", HTML: "x"})
	require.True(t, mail.IsPermanent(b.inbox.answer))
	require.NoError(t, b.mailer.Deliver(t.Context(), id))
	require.Equal(t, "failed", b.outbox(t, id).Status)
	require.Equal(t, "failed", <-b.outcomes)
}

func TestDeliver_writes_down_what_was_sent_while_shutting_down(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, id := b.promised(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.inbox.sent = cancel
	require.NoError(t, b.mailer.Deliver(ctx, id))
	require.Equal(t, "sent", b.outbox(t, id).Status)
	require.Equal(t, "succeeded", <-b.outcomes)
}

func TestDeliver_takes_over_from_a_worker_that_died(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, id := b.promised(t)
	claimed, err := b.store.Queries().MailClaim(t.Context(), db.MailClaimParams{ID: id, LeaseSeconds: 60, MaxAttempts: 10})
	require.NoError(t, err)
	require.NoError(t, b.mailer.Deliver(t.Context(), id))
	require.Empty(t, b.inbox.all(), "the lease holds")

	_, err = b.store.Pool().Exec(t.Context(), "update outbox_mails set lease_until = now() - interval '1 second', pushed_at = null")
	require.NoError(t, err)
	ids, err := b.mailer.MarkDue(t.Context(), nil, time.Minute, 10)
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{id}, ids)
	require.NoError(t, b.mailer.Deliver(t.Context(), id))
	require.Len(t, b.inbox.all(), 1)

	n, err := b.store.Queries().MailSent(t.Context(), db.MailSentParams{ID: id, LeaseToken: claimed.LeaseToken})
	require.NoError(t, err)
	require.Zero(t, n, "the late worker's word does not count")
}

func TestMarkDue_finds_what_was_never_pushed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	deps := b.deps
	deps.Push = func(context.Context, uuid.UUID) error { return errors.New("redis is away") }
	id, err := auth.NewService(b.cfg, deps).SignUp(t.Context(), application("ada"), here)
	require.NoError(t, err, "the account does not depend on the queue")
	require.Contains(t, b.log.String(), "mail is left to the sweeper")

	ids, err := b.mailer.MarkDue(t.Context(), nil, time.Minute, 10)
	require.NoError(t, err)
	require.Empty(t, ids, "it counts as pushed for a while")
	ids, err = b.mailer.MarkDue(t.Context(), nil, 0, 10)
	require.NoError(t, err)
	require.Len(t, ids, 1)
	require.NoError(t, b.mailer.Unmark(t.Context(), ids))
	ids, err = b.mailer.MarkDue(t.Context(), nil, time.Hour, 10)
	require.NoError(t, err)
	require.Len(t, ids, 1, "unmarked, it is due at once")
	require.NoError(t, b.mailer.Deliver(t.Context(), ids[0]))
	require.Equal(t, b.user(t, id).Email, b.inbox.last(t).To)
}

func TestExpire_gives_up_mails_whose_last_worker_died(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, id := b.promised(t)
	_, err := b.store.Pool().Exec(t.Context(),
		"update outbox_mails set status = 'sending', attempt = 10, lease_until = now() - interval '1 second'")
	require.NoError(t, err)
	n, err := b.mailer.Expire(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, "failed", b.outbox(t, id).Status)
	n, err = b.mailer.Expire(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestMails_nothing_secret_is_kept_or_logged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, id := b.promised(t)
	b.inbox.answer = errors.New("mail: hand over: server answered 451")
	require.NoError(t, b.mailer.Deliver(t.Context(), id))
	b.inbox.answer = nil
	b.due(t, id)
	require.NoError(t, b.mailer.Deliver(t.Context(), id))
	code := b.inbox.code(t)
	require.NotContains(t, b.log.String(), code)
	require.NotContains(t, b.log.String(), "example.com")
	var kept string
	require.NoError(t, b.store.Pool().QueryRow(t.Context(), "select row_to_json(o)::text from outbox_mails o").Scan(&kept))
	require.NotContains(t, kept, `"`+code)
}
