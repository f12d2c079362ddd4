package outbox

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// MarkDue implements [task.Recovery].
func (m *Mailer) MarkDue(ctx context.Context, due task.Due) ([]uuid.UUID, error) {
	ids, err := m.Store.Queries().MailMarkDue(ctx, db.MailMarkDueParams{
		PushedBefore: due.PushedBefore, RepushAfterSeconds: due.RepushAfter.Seconds(), Batch: int32(due.Batch),
		MaxAttempts: maxAttempts,
	})
	if err != nil {
		return nil, fmt.Errorf("mark due mails: %w", err)
	}
	return ids, nil
}

// Unmark implements [task.Recovery].
func (m *Mailer) Unmark(ctx context.Context, ids []uuid.UUID) error {
	if err := m.Store.Queries().MailUnmark(ctx, ids); err != nil {
		return fmt.Errorf("unmark mails: %w", err)
	}
	return nil
}

// Expire implements [task.Recovery]: it gives up mails whose last attempt died with its worker.
func (m *Mailer) Expire(ctx context.Context) (ended int, err error) {
	n, err := m.Store.Queries().MailFailExhausted(ctx, maxAttempts)
	if err != nil {
		return 0, fmt.Errorf("give up mails: %w", err)
	}
	return int(n), nil
}
