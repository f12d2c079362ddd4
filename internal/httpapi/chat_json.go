package httpapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/chat"
)

// chatBody answers getChat with what encoding/json would make of an api.Chat, byte for byte, as messagePage does.
type chatBody struct {
	chat db.Chat
	url  string
}

// VisitGetChatResponse implements api.GetChatResponseObject.
func (c chatBody) VisitGetChatResponse(w http.ResponseWriter) error {
	return answer(w, http.StatusOK, c.append)
}

func (c chatBody) append(b []byte) (_ []byte, err error) {
	b = appendTime(append(b, `{"created_at":`...), c.chat.CreatedAt)
	b = appendID(append(b, `,"id":`...), c.chat.ID)
	b = strconv.AppendInt(append(b, `,"last_seq":`...), c.chat.LastSeq, 10)
	b = append(b, `,"project_id":`...)
	if c.chat.ProjectID == nil {
		b = append(b, "null"...)
	} else {
		b = appendID(b, *c.chat.ProjectID)
	}
	if b, err = appendText(append(b, `,"session_name":`...), c.chat.SessionName); err != nil {
		return nil, err
	}
	b = appendTime(append(b, `,"updated_at":`...), c.chat.UpdatedAt)
	if b, err = appendText(append(b, `,"url":`...), c.url); err != nil {
		return nil, err
	}
	return append(b, "}\n"...), nil
}

// sentBody answers sendMessage, likewise.
type sentBody struct {
	sent     chat.Sent
	replayed bool
}

// VisitSendMessageResponse implements api.SendMessageResponseObject.
func (s sentBody) VisitSendMessageResponse(w http.ResponseWriter) error {
	if replayed := idempotentReplayed(s.replayed); replayed != nil {
		w.Header().Set("Idempotent-Replayed", *replayed)
	}
	return answer(w, http.StatusCreated, s.append)
}

func (s sentBody) append(b []byte) (_ []byte, err error) {
	if b, err = appendMessage(append(b, `{"message":`...), &s.sent.Message); err != nil {
		return nil, err
	}
	b = append(b, `,"reply":`...)
	if s.sent.Reply == nil {
		b = append(b, "null"...)
	} else if b, err = appendMessage(b, s.sent.Reply); err != nil {
		return nil, err
	}
	return append(b, "}\n"...), nil
}

// appendID appends the JSON of an id.
func appendID(b []byte, id uuid.UUID) []byte { return append(appendUUID(append(b, '"'), id), '"') }

// appendTime appends the JSON of a time, as the API shows it. The years of all of ours have four digits.
func appendTime(b []byte, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
}
