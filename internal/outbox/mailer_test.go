package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/outbox"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

var errRefused = errors.New("mail: hand over: server answered 451")

func TestMailer_sendsOnceHoweverOftenTheIDComes(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.promise(t)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := f.runner.Run(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.Len(t, f.server.all(), 1)
	require.Equal(t, fmt.Sprintf("%s/1", id), f.server.all()[0].ID)
	require.Equal(t, "sent", f.row(t, id).Status)
	f.deliver(t, factory.ID()) // a mail that never was is nothing to do
}

func TestMailer_retriesWhatTheServerRefusesForNow(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.promise(t)
	f.server.answer = errRefused
	for attempt := 1; attempt <= 3; attempt++ {
		f.deliver(t, id)
		row := f.row(t, id)
		require.Equal(t, "queued", row.Status)
		require.Equal(t, attempt, row.Attempt)
		require.Equal(t, errRefused.Error(), *row.Error)
		full := 5 * float64(int(1)<<(attempt-1))
		require.Greater(t, row.Delay, full/2-2)
		require.LessOrEqual(t, row.Delay, full)

		f.deliver(t, id) // not due yet
		require.Equal(t, attempt, f.row(t, id).Attempt)
		require.Equal(t, task.Retried, <-f.outcomes)
		f.due(t, id)
	}
	require.Empty(t, f.outcomes, "an attempt that was not made has no outcome")
	f.server.answer = nil
	f.deliver(t, id)
	require.Equal(t, "sent", f.row(t, id).Status)
	require.Equal(t, fmt.Sprintf("%s/4", id), f.server.all()[0].ID, "no attempt passes for a repeat of the one before")
}

func TestMailer_givesUpAfterTenAttempts(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.promise(t)
	f.server.answer = errors.New("mail: open session: connection refused")
	for range 12 {
		f.deliver(t, id)
		f.due(t, id)
	}
	row := f.row(t, id)
	require.Equal(t, "failed", row.Status)
	require.Equal(t, 10, row.Attempt)
	for range 9 {
		require.Equal(t, task.Retried, <-f.outcomes)
	}
	require.Equal(t, task.Failed, <-f.outcomes)
	require.Empty(t, f.outcomes)
	require.Contains(t, f.log.String(), "mail given up")
}

func TestMailer_givesUpAtOnceWhatIsRefusedForGood(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.promise(t)
	sink, err := mail.NewSink(t.TempDir(), "MugShot <hello@example.com>", io.Discard, time.Now)
	require.NoError(t, err)
	f.server.answer = sink.Send(t.Context(), mail.Message{ID: "x", To: "not an address", Subject: "x", Text: "x", HTML: "x"})
	require.True(t, mail.IsPermanent(f.server.answer))
	f.deliver(t, id)
	require.Equal(t, "failed", f.row(t, id).Status)
	require.Equal(t, task.Failed, <-f.outcomes)
}

func TestMailer_dropsWhatIsNotNeededAnyMore(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.promise(t)
	f.compose = fmt.Errorf("compose: %w", outbox.ErrNotNeeded)
	f.deliver(t, id)
	require.Equal(t, task.Dropped, <-f.outcomes)
	require.Empty(t, f.server.all())
	var rows int
	require.NoError(t, f.store.Pool().QueryRow(t.Context(), "select count(*) from outbox_mails").Scan(&rows))
	require.Zero(t, rows)
}

func TestMailer_recordsWhatWasSentWhileTheProcessDrains(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.promise(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	f.server.sent = func() { cancel(queue.ErrDraining) }
	require.NoError(t, f.runner.Run(ctx, id))
	require.Equal(t, "sent", f.row(t, id).Status)
	require.Equal(t, task.Succeeded, <-f.outcomes)
}

// A deployment uses up no attempt of a mail that it interrupts.
func TestMailer_doesNotCountWhatADrainInterrupts(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.promise(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(queue.ErrDraining)
	f.server.answer = errRefused
	claimed, err := f.mailer.Claim(t.Context(), id)
	require.NoError(t, err)
	require.NoError(t, (&task.Runner{Kind: claimedKind{f.mailer, claimed}, Name: queue.Mail, Log: f.runner.Log}).Run(ctx, id))
	row := f.row(t, id)
	require.Equal(t, "queued", row.Status)
	require.Zero(t, row.Attempt)
	require.LessOrEqual(t, row.Delay, 0.0)
}

// claimedKind hands out an attempt that was claimed before.
type claimedKind struct {
	*outbox.Mailer
	attempt task.Attempt
}

func (k claimedKind) Claim(context.Context, uuid.UUID) (task.Attempt, error) { return k.attempt, nil }

func TestMailer_takesOverFromAWorkerThatDied(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.promise(t)
	claimed, err := f.store.Queries().MailClaim(t.Context(), db.MailClaimParams{ID: id, LeaseSeconds: 60, MaxAttempts: 10})
	require.NoError(t, err)
	f.deliver(t, id)
	require.Empty(t, f.server.all(), "the lease holds")

	f.exec(t, "update outbox_mails set lease_until = now() - interval '1 second', pushed_at = null")
	ids, err := f.mailer.MarkDue(t.Context(), task.Due{RepushAfter: time.Minute, Batch: 10})
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{id}, ids)
	f.deliver(t, id)
	require.Len(t, f.server.all(), 1)

	_, err = f.store.Queries().MailSent(t.Context(), db.MailSentParams{ID: id, LeaseToken: claimed.LeaseToken})
	require.True(t, postgres.IsNotFound(err), "the late worker's write finds no row: %v", err)
	renewed, err := f.store.Queries().MailRenew(t.Context(), db.MailRenewParams{ID: id, LeaseToken: claimed.LeaseToken, LeaseSeconds: 60})
	require.NoError(t, err)
	require.Zero(t, renewed)
}

func TestMailer_marksWhatWasNeverPushed(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.promise(t)
	due := func(after time.Duration) []uuid.UUID {
		ids, err := f.mailer.MarkDue(t.Context(), task.Due{RepushAfter: after, Batch: 10})
		require.NoError(t, err)
		return ids
	}
	require.Empty(t, due(time.Minute), "it counts as pushed for a while")
	require.Equal(t, []uuid.UUID{id}, due(0))
	require.NoError(t, f.mailer.Unmark(t.Context(), []uuid.UUID{id}))
	require.Equal(t, []uuid.UUID{id}, due(time.Hour), "unmarked, it is due at once")
}

func TestMailer_expiresMailsWhoseLastWorkerDied(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.promise(t)
	f.exec(t, "update outbox_mails set status = 'sending', attempt = 10, lease_until = now() - interval '1 second'")
	n, err := f.mailer.Expire(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, "failed", f.row(t, id).Status)
	n, err = f.mailer.Expire(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
}
