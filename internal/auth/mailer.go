package auth

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// How mails are delivered. A mail that is refused for the time being is tried for about half an hour.
const (
	mailLease       = time.Minute
	mailSendTimeout = 30 * time.Second // well within the lease, so that no two workers send the same row
	mailSettle      = 5 * time.Second  // for writing down what came of it, also while the worker shuts down
	mailAttempts    = 10
	mailBackoff     = 5 * time.Second // doubles with each attempt
	mailBackoffMax  = 10 * time.Minute
)

// errNotNeeded says that a mail has lost its purpose since it was promised.
var errNotNeeded = errors.New("mail is not needed")

// Mailer keeps the promises of the outbox. The code or link of a mail is made when it is sent, and only its hash is
// kept, so that no secret lies in a queue.
type Mailer struct {
	MailerDeps
}

// MailerDeps are what a Mailer stands on.
type MailerDeps struct {
	Store     *postgres.Store
	Sender    mail.Sender
	Templates *mail.Templates
	Codes     *token.CodeHasher
	Now       func() time.Time
	Random    io.Reader
	NewID     func() uuid.UUID
	Log       *slog.Logger
	// Observe takes what came of each attempt, for metrics and the log: succeeded, dropped (not needed any more), failed (for good),
	// retried, lost (another worker has it), or error (it could not be written down); nil: nobody does.
	Observe func(ctx context.Context, outcome string, took time.Duration)
}

// NewMailer returns a mailer.
func NewMailer(d MailerDeps) *Mailer {
	if d.Observe == nil {
		d.Observe = func(context.Context, string, time.Duration) {}
	}
	return &Mailer{d}
}

// Deliver sends a mail that was promised, unless another worker is at it, or it has been sent. A failure of the mail
// server is written into the row, which says when to try again; an error means that the row itself was out of reach.
func (m *Mailer) Deliver(ctx context.Context, mailID uuid.UUID) error {
	row, err := m.Store.Queries().MailClaim(ctx, db.MailClaimParams{
		ID: mailID, LeaseSeconds: mailLease.Seconds(), MaxAttempts: mailAttempts,
	})
	switch {
	case postgres.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("claim mail: %w", err)
	}
	begun := time.Now()
	ctx, end := tracecontext.Resume(ctx, tracecontext.Origin{RequestID: row.RequestID, Traceparent: row.Traceparent},
		string(queue.Mail), tracecontext.MailID, row.ID.String())
	err = m.send(ctx, row)
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), mailSettle)
	defer cancel()
	outcome, err := m.settle(settling, row, err)
	end(outcome)
	m.Observe(ctx, outcome, time.Since(begun))
	return err
}

func (m *Mailer) send(ctx context.Context, row db.OutboxMail) error {
	ctx, cancel := context.WithTimeout(ctx, mailSendTimeout)
	defer cancel()
	message, err := m.compose(ctx, row)
	if err != nil {
		return err
	}
	return m.Sender.Send(ctx, message)
}

// settle writes down what came of an attempt, and returns it as Observe takes it. If the lease was lost meanwhile, it is
// the new holder's business.
func (m *Mailer) settle(ctx context.Context, row db.OutboxMail, sent error) (outcome string, err error) {
	var rows int64
	q, log := m.Store.Queries(), m.Log.With("mail_id", row.ID, "kind", row.Kind, "attempt", row.Attempt)
	switch {
	case sent == nil:
		outcome = "succeeded"
		rows, err = q.MailSent(ctx, db.MailSentParams{ID: row.ID, LeaseToken: row.LeaseToken})
	case errors.Is(sent, errNotNeeded):
		outcome = "dropped"
		rows, err = q.MailDrop(ctx, db.MailDropParams{ID: row.ID, LeaseToken: row.LeaseToken})
	case mail.IsPermanent(sent) || row.Attempt >= mailAttempts:
		outcome = "failed"
		log.ErrorContext(ctx, "mail given up", "error", sent)
		rows, err = q.MailFail(ctx, db.MailFailParams{ID: row.ID, LeaseToken: row.LeaseToken, Error: sent.Error()})
	default:
		outcome = "retried"
		delay := m.backoff(row.Attempt)
		log.WarnContext(ctx, "mail put off", "error", sent, "delay", delay)
		rows, err = q.MailRetry(ctx, db.MailRetryParams{
			ID: row.ID, LeaseToken: row.LeaseToken, Error: sent.Error(), DelaySeconds: delay.Seconds(),
		})
	}
	switch {
	case err != nil:
		return "error", fmt.Errorf("settle mail: %w", err)
	case rows == 0:
		return "lost", nil
	}
	return outcome, nil
}

// backoff is how long to wait after an attempt, the first being 1: a random time between half and all of what doubling
// gives, so that mails refused together don't come back together.
func (m *Mailer) backoff(attempt int32) time.Duration {
	full := min(mailBackoff<<(attempt-1), mailBackoffMax)
	var draw [2]byte
	if _, err := io.ReadFull(m.Random, draw[:]); err != nil {
		return full
	}
	return full/2 + full/2*time.Duration(binary.BigEndian.Uint16(draw[:]))/(1<<16)
}
