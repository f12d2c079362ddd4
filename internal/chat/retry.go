package chat

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// Retry has a failed reply of the account written anew. One that is waiting or being written is returned as it is. It
// fails with ErrNoReply, ErrNotFailed, ErrTooManyReplies or ErrNoRepliesLeft.
func (s *Service) Retry(ctx context.Context, userID, chatID, id uuid.UUID) (Message, error) {
	origin := tracecontext.From(ctx)
	spent := false
	for range slotTries {
		reply, err := s.reply(ctx, userID, chatID, id)
		switch {
		case err != nil:
			return Message{}, err
		case reply.Unfinished():
			return reply, nil
		case reply.Status == complete:
			return Message{}, ErrNotFailed
		}
		if !spent {
			if err := s.spend(ctx, userID, chatID); err != nil {
				return Message{}, err
			}
			spent = true
		}
		row, err := s.Store.Queries().ReplyRetry(ctx, db.ReplyRetryParams{
			Slots: s.UserReplies, UserID: userID, ID: id, RequestID: origin.RequestID, Traceparent: origin.Traceparent,
		})
		switch {
		case postgres.IsUnique(err, postgres.MessagesPlaceKey):
			continue
		case postgres.IsNotFound(err): // all slots are taken, or another request was faster
			now, err := s.reply(ctx, userID, chatID, id)
			if err == nil && now.Status == failed {
				err = ErrTooManyReplies
			}
			return now, err
		case err != nil:
			return Message{}, fmt.Errorf("retry reply: %w", err)
		}
		again := messageOf(row)
		announce(ctx, s.Events, s.Log, chatID, event{Messages: []Message{again}})
		s.push(ctx, id)
		return again, nil
	}
	return Message{}, ErrTooManyReplies
}
