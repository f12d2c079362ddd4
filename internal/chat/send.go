package chat

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// Sent is what Send stored.
type Sent struct {
	Message Message
	Reply   *Message // nil where none was asked for
}

// slotTries bounds how often a reply whose slot another one took looks for the next slot.
const slotTries = 10

// Send stores a message of the account in its chat and, with reply, the pending reply right behind it, once for each
// key; replayed tells that it was done already. It fails with a validation error, ErrNotFound, ErrTooManyReplies or
// ErrNoRepliesLeft, and then nothing has happened.
func (s *Service) Send(
	ctx context.Context, userID, chatID uuid.UUID, content string, reply bool, key idempotency.Key,
) (sent Sent, replayed bool, err error) {
	if err := checkContent(content); err != nil {
		return Sent{}, false, err
	}
	if reply {
		_, done, err := idempotency.Recall[Sent](ctx, s.Store, userID, key, s.Now())
		if err == nil && !done {
			err = s.spend(ctx, userID, chatID)
		}
		if err != nil {
			return Sent{}, false, err
		}
	}
	for try := 1; ; try++ {
		sent, replayed, err = idempotency.Once(ctx, s.Store, userID, key, s.Now(), func(q *db.Queries) (Sent, error) {
			return s.store(ctx, q, userID, chatID, content, reply)
		})
		if !postgres.IsUnique(err, postgres.MessagesPlaceKey) {
			break
		}
		if try == slotTries {
			return Sent{}, false, ErrTooManyReplies
		}
	}
	if err != nil || replayed {
		return sent, replayed, err
	}
	messages := []Message{sent.Message}
	if sent.Reply != nil {
		messages = append(messages, *sent.Reply)
	}
	announce(ctx, s.Events, s.Log, chatID, event{Messages: messages})
	if sent.Reply != nil {
		s.push(ctx, sent.Reply.ID)
	}
	return sent, false, nil
}

// store writes in one statement what Send stores.
func (s *Service) store(
	ctx context.Context, q *db.Queries, userID, chatID uuid.UUID, content string, reply bool,
) (Sent, error) {
	origin := tracecontext.From(ctx)
	var replyID uuid.UUID
	if reply {
		replyID = s.NewID()
	}
	rows, err := q.MessageSend(ctx, db.MessageSendParams{
		Slots: s.UserReplies, Reply: reply, UserID: userID, ChatID: chatID, MessageID: s.NewID(), Content: content,
		ReplyID: replyID, RequestID: origin.RequestID, Traceparent: origin.Traceparent,
	})
	if err != nil {
		return Sent{}, fmt.Errorf("send message: %w", err)
	}
	if len(rows) == 0 {
		_, err := q.ChatGet(ctx, db.ChatGetParams{ID: chatID, UserID: userID})
		switch {
		case postgres.IsNotFound(err):
			return Sent{}, ErrNotFound
		case err != nil:
			return Sent{}, fmt.Errorf("read chat: %w", err)
		}
		return Sent{}, ErrTooManyReplies
	}
	sent := Sent{Message: Message{
		ID: rows[0].ID, ChatID: chatID, Seq: rows[0].Seq, Sender: fromUser, Content: content, Status: complete,
		CreatedAt: rows[0].CreatedAt, Revision: 1,
	}}
	if reply {
		sent.Reply = &Message{
			ID: rows[1].ID, ChatID: chatID, Seq: rows[1].Seq, Sender: fromAI, Status: pending,
			CreatedAt: rows[1].CreatedAt, Revision: 1,
		}
	}
	return sent, nil
}

func (s *Service) push(ctx context.Context, replyID uuid.UUID) {
	if err := s.Enqueue(ctx, replyID); err != nil {
		s.Log.WarnContext(ctx, "reply not pushed; the sweeper will", "message_id", replyID, "error", err)
	}
}
