package chat

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// SpendReply takes one reply from the daily budget of an account with a plan. It fails with [ErrNoRepliesLeft], and then nothing
// was taken.
type SpendReply func(ctx context.Context, userID uuid.UUID, plan string) error

// spend takes the reply that is about to be asked for from the account's daily budget. What would be refused anyhow is refused
// before, so that it costs nothing; a request that loses a slot to another one at the same instant has paid. It fails with
// ErrNotFound, ErrTooManyReplies or ErrNoRepliesLeft.
func (s *Service) spend(ctx context.Context, userID, chatID uuid.UUID) error {
	if s.SpendReply == nil {
		return nil
	}
	row, err := s.Store.Queries().ReplyAllowance(ctx, db.ReplyAllowanceParams{UserID: userID, ChatID: chatID})
	switch {
	case postgres.IsNotFound(err):
		return ErrNotFound
	case err != nil:
		return fmt.Errorf("read allowance of replies: %w", err)
	case row.Unfinished >= s.UserReplies:
		return ErrTooManyReplies
	}
	return s.SpendReply(ctx, userID, row.Plan)
}
