package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
)

// The senders and states of messages, as the tables and the API know them.
const (
	fromUser = "user"
	fromAI   = "ai"

	complete  = "complete"
	pending   = "pending"
	streaming = "streaming"
	failed    = "failed"
)

// Message is everything about a message that its owner may see, and what readers need to order what they hear of it. It
// is also what an event carries.
type Message struct {
	ID           uuid.UUID       `json:"id"`
	ChatID       uuid.UUID       `json:"chat_id"`
	Seq          int64           `json:"seq"`
	Sender       string          `json:"sender"`
	Content      string          `json:"content"`
	Status       string          `json:"status"`
	ErrorCode    *string         `json:"error_code,omitempty"`
	ErrorMessage *string         `json:"error_message,omitempty"`
	Suggestion   json.RawMessage `json:"suggestion,omitempty"`
	CreatedAt    time.Time       `json:"created_at"`

	Revision int64 `json:"revision"` // grows with each change of the row
	Token    int64 `json:"token"`    // of the attempt: texts of one attempt are prefixes of one text
}

// Unfinished tells whether the message is still to be written.
func (m Message) Unfinished() bool { return m.Status == pending || m.Status == streaming }

func messageOf(r db.Message) Message {
	return Message{
		ID: r.ID, ChatID: r.ChatID, Seq: r.Seq, Sender: r.Sender, Content: r.Content, Status: r.Status,
		ErrorCode: r.ErrorCode, ErrorMessage: r.ErrorMessage, Suggestion: r.Suggestion, CreatedAt: r.CreatedAt,
		Revision: r.Revision, Token: r.LeaseToken,
	}
}

// listed is a message as a page reads it, whichever way round.
type listed = db.MessageListAscRow

func messageOfList(chatID uuid.UUID, r *listed) Message {
	return Message{
		ID: r.ID, ChatID: chatID, Seq: r.Seq, Sender: r.Sender, Content: r.Content, Status: r.Status,
		ErrorCode: r.ErrorCode, ErrorMessage: r.ErrorMessage, Suggestion: r.Suggestion, CreatedAt: r.CreatedAt,
		Revision: r.Revision, Token: r.LeaseToken,
	}
}

// Messages reads at most limit messages of a chat of the account, oldest first, whose seq is above after. It fails with
// ErrNotFound.
func (s *Service) Messages(ctx context.Context, userID, chatID uuid.UUID, after int64, limit int) ([]Message, error) {
	rows, err := s.Store.Queries().MessageListAsc(ctx, db.MessageListAscParams{
		ChatID: chatID, UserID: userID, AfterSeq: after, PageSize: int32(limit),
	})
	return messages(ctx, s, userID, chatID, rows, err)
}

// NewestMessages is Messages the other way round: newest first, whose seq is below before.
func (s *Service) NewestMessages(ctx context.Context, userID, chatID uuid.UUID, before int64, limit int) ([]Message, error) {
	rows, err := s.Store.Queries().MessageListDesc(ctx, db.MessageListDescParams{
		ChatID: chatID, UserID: userID, BeforeSeq: before, PageSize: int32(limit),
	})
	return messages(ctx, s, userID, chatID, rows, err)
}

// messages tells an empty page from a chat that is not there.
func messages[Row listed | db.MessageListDescRow](
	ctx context.Context, s *Service, userID, chatID uuid.UUID, rows []Row, err error,
) ([]Message, error) {
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	if len(rows) == 0 {
		if _, err := s.Get(ctx, userID, chatID); err != nil {
			return nil, err
		}
	}
	list := make([]Message, len(rows))
	for i, row := range rows {
		r := listed(row)
		list[i] = messageOfList(chatID, &r)
	}
	return list, nil
}
