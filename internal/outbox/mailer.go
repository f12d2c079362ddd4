// Package outbox delivers the mails that the product has promised, as a kind of background work.
//
// # States and invariants
//
// A mail is a row of outbox_mails: queued, sending while a worker has its lease, then sent or failed; a mail that has lost
// its purpose is deleted. It is promised in the transaction of what it tells of, so that neither exists without the other.
// The row names what the mail is about and never what it says: a [Composer] writes the text, and makes the code or the
// link in it, when the mail is sent, so that no secret lies in a table or a queue.
//
// A mail is sent at least once: a worker that dies between the mail server's answer and its own write leaves a lease that
// lapses, and the next attempt sends again. That attempt brings another secret and another Message-ID.
package outbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// How mails are delivered. A mail that the mail server refuses for the time being is tried for about half an hour.
const (
	lease       = time.Minute
	sendTimeout = 30 * time.Second // well within the lease, so that a slow server does not make two workers send one row
	maxAttempts = 10
	backoffBase = 5 * time.Second // doubles with each attempt
	backoffMax  = 10 * time.Minute
)

// ErrNotNeeded says that a mail has lost its purpose since it was promised.
var ErrNotNeeded = errors.New("mail is not needed")

// Composer writes a mail, and makes the secret that it brings. It fails with [ErrNotNeeded] where the mail has lost its
// purpose.
type Composer interface {
	Compose(ctx context.Context, row db.OutboxMail) (mail.Message, error)
}

// Deps are what a [Mailer] needs. All are required.
type Deps struct {
	Store    *postgres.Store
	Composer Composer
	Sender   mail.Sender
	Random   io.Reader // for the jitter of the back-off
}

// Mailer delivers mails. It implements [task.Kind].
type Mailer struct{ Deps }

var _ task.Kind = (*Mailer)(nil)

// NewMailer returns a mailer.
func NewMailer(d Deps) *Mailer { return &Mailer{d} }

// Policy implements [task.Kind].
func (m *Mailer) Policy() task.Policy {
	return task.Policy{Lease: lease, MaxAttempts: maxAttempts, Backoff: m.backoff}
}

// Claim implements [task.Kind].
func (m *Mailer) Claim(ctx context.Context, id uuid.UUID) (task.Attempt, error) {
	row, err := m.Store.Queries().MailClaim(ctx, db.MailClaimParams{
		ID: id, LeaseSeconds: lease.Seconds(), MaxAttempts: maxAttempts,
	})
	switch {
	case postgres.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &delivery{mailer: m, row: row}, nil
}

// Classify implements [task.Kind]. A mail that the server refuses for good is not sent again.
func (m *Mailer) Classify(err error) task.Decision {
	return task.Decision{Retry: !mail.IsPermanent(err), Message: err.Error()}
}

// backoff returns how long to wait after an attempt, the first being 1: a random time between half and all of what
// doubling gives, so that mails refused together do not come back together.
func (m *Mailer) backoff(attempt int32) time.Duration {
	full := min(backoffBase<<(attempt-1), backoffMax)
	var draw [2]byte
	if _, err := io.ReadFull(m.Random, draw[:]); err != nil {
		return full
	}
	return full/2 + full/2*time.Duration(binary.BigEndian.Uint16(draw[:]))/(1<<16)
}

// delivery is one attempt to send a mail.
type delivery struct {
	mailer    *Mailer
	row       db.OutboxMail
	notNeeded bool
}

// Row implements [task.Attempt].
func (d *delivery) Row() task.Row {
	return task.Row{
		Name: tracecontext.MailID, ID: d.row.ID, Noun: "mail", Attempt: d.row.Attempt,
		Origin: tracecontext.Origin{RequestID: d.row.RequestID, Traceparent: d.row.Traceparent},
	}
}

// Renew implements [task.Attempt].
func (d *delivery) Renew(ctx context.Context) (ours bool, err error) {
	rows, err := d.mailer.Store.Queries().MailRenew(ctx, db.MailRenewParams{
		ID: d.row.ID, LeaseToken: d.row.LeaseToken, LeaseSeconds: lease.Seconds(),
	})
	return rows == 1, err
}

// Handle implements [task.Attempt]. A mail has no control messages.
func (d *delivery) Handle([]byte) error { return nil }

// Work implements [task.Attempt].
func (d *delivery) Work(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	message, err := d.mailer.Composer.Compose(ctx, d.row)
	switch {
	case errors.Is(err, ErrNotNeeded):
		d.notNeeded = true
		return nil
	case err != nil:
		return err
	}
	// Each attempt may bring another secret, so that none may pass for a repeat of the one before.
	message.ID = fmt.Sprintf("%s/%d", d.row.ID, d.row.Attempt)
	return d.mailer.Sender.Send(ctx, message)
}

// Complete implements [task.Attempt].
func (d *delivery) Complete(ctx context.Context) (task.Outcome, error) {
	if d.notNeeded {
		_, err := d.mailer.Store.Queries().MailDrop(ctx, db.MailDropParams{ID: d.row.ID, LeaseToken: d.row.LeaseToken})
		return task.Dropped, err
	}
	_, err := d.mailer.Store.Queries().MailSent(ctx, db.MailSentParams{ID: d.row.ID, LeaseToken: d.row.LeaseToken})
	return task.Succeeded, err
}

// Retry implements [task.Attempt].
func (d *delivery) Retry(ctx context.Context, r task.Retry) error {
	_, err := d.mailer.Store.Queries().MailRetry(ctx, db.MailRetryParams{
		ID: d.row.ID, LeaseToken: d.row.LeaseToken, Error: r.Message, DelaySeconds: r.Delay.Seconds(), Released: r.Released,
	})
	return err
}

// Fail implements [task.Attempt].
func (d *delivery) Fail(ctx context.Context, why task.Decision) error {
	_, err := d.mailer.Store.Queries().MailFail(ctx, db.MailFailParams{
		ID: d.row.ID, LeaseToken: d.row.LeaseToken, Error: why.Message,
	})
	return err
}

// Abandon implements [task.Attempt]. Another worker may send the mail again; nothing has to be taken back.
func (d *delivery) Abandon(context.Context) {}
