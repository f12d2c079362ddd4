package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
)

// MarkDue picks at most batch mails that a worker should be told of (again), and notes that they are told. Those that
// wait are told again after patience, longer each time; since, unless nil, picks all that were last told before it.
func (m *Mailer) MarkDue(ctx context.Context, since *time.Time, patience time.Duration, batch int) ([]uuid.UUID, error) {
	ids, err := m.Store.Queries().MailMarkDue(ctx, db.MailMarkDueParams{
		Since: since, PatienceSeconds: patience.Seconds(), Batch: int32(batch), MaxAttempts: mailAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("mark due mails: %w", err)
	}
	return ids, nil
}

// Unmark takes MarkDue back for mails that nobody could be told of.
func (m *Mailer) Unmark(ctx context.Context, ids []uuid.UUID) error {
	if err := m.Store.Queries().MailUnmark(ctx, ids); err != nil {
		return fmt.Errorf("unmark mails: %w", err)
	}
	return nil
}

// Expire gives up mails whose last attempt died with its worker, and tells how many.
func (m *Mailer) Expire(ctx context.Context) (ended int, err error) {
	n, err := m.Store.Queries().MailFailExhausted(ctx, mailAttempts)
	if err != nil {
		return 0, fmt.Errorf("give up mails: %w", err)
	}
	return int(n), nil
}
