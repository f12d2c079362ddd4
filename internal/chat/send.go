package chat

import (
	"context"
	"fmt"
	"time"

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
	if !reply && key.Value == "" {
		sent, err = s.storeTogether(ctx, userID, chatID, content)
	} else {
		sent, replayed, err = s.storeOnce(ctx, userID, chatID, content, reply, key)
	}
	if err != nil || replayed {
		return sent, replayed, err
	}
	if sent.Reply == nil {
		post(ctx, s.Events, s.Log, chatID, event{Messages: []Message{sent.Message}})
		return sent, false, nil
	}
	// Before the worker hears of the reply, whose own events come after this one.
	announce(ctx, s.Events, s.Log, chatID, event{Messages: []Message{sent.Message, *sent.Reply}})
	s.push(ctx, sent.Reply.ID)
	return sent, false, nil
}

// storeTogether stores a message without a reply, with those of other requests if it can.
func (s *Service) storeTogether(ctx context.Context, userID, chatID uuid.UUID, content string) (Sent, error) {
	m := newMessage{id: s.NewID(), chatID: chatID, userID: userID, content: content}
	row, err := s.newMessages.One(ctx, m)
	switch {
	case postgres.IsNotFound(err): // no such chat, or one that is locked: the statement of one message waits and tells which
		return s.store(ctx, s.Store.Queries(), userID, chatID, content, false)
	case err != nil:
		return Sent{}, fmt.Errorf("send messages: %w", err)
	}
	return Sent{Message: sentMessage(row.ID, chatID, row.Seq, content, row.CreatedAt)}, nil
}

// storeOnce stores a message, and a reply that was asked for, once for each key, after the reply is paid for.
func (s *Service) storeOnce(
	ctx context.Context, userID, chatID uuid.UUID, content string, reply bool, key idempotency.Key,
) (sent Sent, replayed bool, err error) {
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
	return sent, replayed, err
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
	sent := Sent{Message: sentMessage(rows[0].ID, chatID, rows[0].Seq, content, rows[0].CreatedAt)}
	if reply {
		sent.Reply = &Message{
			ID: rows[1].ID, ChatID: chatID, Seq: rows[1].Seq, Sender: fromAI, Status: pending,
			CreatedAt: rows[1].CreatedAt, Revision: 1,
		}
	}
	return sent, nil
}

// sentMessage is a message of the account as it is stored.
func sentMessage(id, chatID uuid.UUID, seq int64, content string, at time.Time) Message {
	return Message{
		ID: id, ChatID: chatID, Seq: seq, Sender: fromUser, Content: content, Status: complete, CreatedAt: at, Revision: 1,
	}
}

func (s *Service) push(ctx context.Context, replyID uuid.UUID) {
	if err := s.Enqueue(ctx, replyID); err != nil {
		s.Log.WarnContext(ctx, "reply not pushed; the sweeper will", "message_id", replyID, "error", err)
	}
}
