package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
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

// Messages reads at most limit messages of a chat of the account, oldest first, whose seq is above after. It fails with
// ErrNotFound.
func (s *Service) Messages(ctx context.Context, userID, chatID uuid.UUID, after int64, limit int) ([]Message, error) {
	return s.page(ctx, userID, chatID, limit, func(q *db.Queries) error {
		_, err := q.MessageListAsc(ctx, db.MessageListAscParams{
			ChatID: chatID, UserID: userID, AfterSeq: after, PageSize: int32(limit),
		})
		return err
	})
}

// NewestMessages is Messages the other way round: newest first, whose seq is below before.
func (s *Service) NewestMessages(ctx context.Context, userID, chatID uuid.UUID, before int64, limit int) ([]Message, error) {
	return s.page(ctx, userID, chatID, limit, func(q *db.Queries) error {
		_, err := q.MessageListDesc(ctx, db.MessageListDescParams{
			ChatID: chatID, UserID: userID, BeforeSeq: before, PageSize: int32(limit),
		})
		return err
	})
}

// few messages are all that most chats have.
const few = 8

// page reads what a query lists, whose columns are those of MessageListAsc, and tells an empty page from a chat that is not
// there.
func (s *Service) page(
	ctx context.Context, userID, chatID uuid.UUID, limit int, list func(q *db.Queries) error,
) ([]Message, error) {
	page := make([]Message, 0, min(few, limit))
	var m Message
	into := []any{
		&m.ID, &m.Seq,
		word{&m.Sender},
		&m.Content,
		word{&m.Status},
		&m.ErrorCode, &m.ErrorMessage, &m.Suggestion,
		&m.CreatedAt, &m.Revision, &m.Token,
	}
	err := s.Store.EachRow(list, func(scan func(into ...any) error) error {
		m = Message{ChatID: chatID} // or a row might share what it points at with the one before
		if err := scan(into...); err != nil {
			return err
		}
		if len(page) == cap(page) {
			page = slices.Grow(page, max(1, limit-len(page)))
		}
		page = append(page, m)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	if len(page) == 0 {
		if _, err := s.Get(ctx, userID, chatID); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// word reads a column that holds one of a few words, and keeps our constant of it in place of another copy.
type word struct{ to *string }

// ScanBytes implements pgtype.BytesScanner.
func (f word) ScanBytes(text []byte) error {
	for _, known := range []string{fromUser, complete, fromAI, pending, streaming, failed} {
		if string(text) == known {
			*f.to = known
			return nil
		}
	}
	*f.to = string(text)
	return nil
}
