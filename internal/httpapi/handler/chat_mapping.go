package handler

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/httpapi/sse"
)

func (h chatHandlers) url(id uuid.UUID) string { return h.appURL + "/c/" + id.String() }

func (h chatHandlers) toChat(c db.Chat) api.Chat {
	return api.Chat{
		ID: c.ID, SessionName: c.SessionName, URL: h.url(c.ID), ProjectID: orNull(c.ProjectID), LastSeq: c.LastSeq,
		CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
}

func chatChangeOf(b api.ChatUpdate) chat.Change {
	return chat.Change{Name: b.SessionName, Project: change(b.ProjectID, func(id uuid.UUID) uuid.UUID { return id })}
}

// instant is the position of a chat in the list: microseconds since 1970, which is what Postgres keeps, and the id.
type instant = [24]byte

func instantOf(t time.Time, id uuid.UUID) (i instant) {
	binary.BigEndian.PutUint64(i[:8], uint64(t.UnixMicro()))
	copy(i[8:], id[:])
	return i
}

// firstChat is before every chat: the list begins with the latest.
func firstChat() instant { return instantOf(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), uuid.Max) }

func chatPosition(i instant) chat.Position {
	return chat.Position{UpdatedAt: time.UnixMicro(int64(binary.BigEndian.Uint64(i[:8]))), ID: uuid.UUID(i[8:])}
}

// Nulls that all messages share: a nullable is a map, and maps of its own would be most of what a message allocates.
//
//nolint:gochecknoglobals // constants, but for the language
var (
	noError      = nullable.NewNullNullable[api.MessageError]()
	noSuggestion = nullable.NewNullNullable[api.ProjectCreate]()
	noReply      = nullable.NewNullNullable[api.Message]()
)

func toMessages(rows []chat.Message) ([]api.Message, error) {
	messages := make([]api.Message, len(rows))
	for i, row := range rows {
		var err error
		if messages[i], err = toMessage(row); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

func toSent(s chat.Sent) (api.MessageSent, error) {
	message, err := toMessage(s.Message)
	if err != nil || s.Reply == nil {
		return api.MessageSent{Message: message, Reply: noReply}, err
	}
	reply, err := toMessage(*s.Reply)
	return api.MessageSent{Message: message, Reply: nullable.NewNullableWithValue(reply)}, err
}

func toMessage(m chat.Message) (api.Message, error) {
	message := api.Message{
		ID: m.ID, ChatID: m.ChatID, Seq: m.Seq, Sender: api.MessageSender(m.Sender), Content: m.Content,
		Status: api.MessageStatus(m.Status), Error: noError,
		Suggestion: noSuggestion, CreatedAt: m.CreatedAt.UTC(),
	}
	if m.ErrorCode != nil && m.ErrorMessage != nil {
		message.Error.Set(api.MessageError{Code: api.MessageErrorCode(*m.ErrorCode), Message: *m.ErrorMessage})
	}
	if len(m.Suggestion) > 0 {
		var draft *api.ProjectCreate // nil for the null that an event contains
		if err := json.Unmarshal(m.Suggestion, &draft); err != nil {
			return api.Message{}, fmt.Errorf("decode suggestion: %w", err)
		}
		message.Suggestion = orNull(draft)
	}
	return message, nil
}

func toChatEvent(u chat.Update) (sse.Event, error) {
	if u.Message == nil {
		return sse.Event{Name: "delta", Data: api.MessageDelta{MessageID: u.ReplyID, Text: u.Text}}, nil
	}
	message, err := toMessage(*u.Message)
	id := strconv.FormatInt(u.Message.Seq, 10) + "." + strconv.FormatInt(u.Message.Revision, 10)
	return sse.Event{ID: id, Name: "message", Data: message}, err
}

// lastSeen reads Last-Event-ID. An id that was not issued here means that nothing of this chat was seen.
func lastSeen(id *string) chat.Seen {
	if id == nil {
		return chat.Seen{}
	}
	first, second, _ := strings.Cut(*id, ".")
	seq, err := strconv.ParseInt(first, 10, 64)
	revision, err2 := strconv.ParseInt(second, 10, 64)
	if err != nil || err2 != nil {
		return chat.Seen{}
	}
	return chat.Seen{Seq: seq, Revision: revision}
}
