package handler

import (
	"net/http"
	"strconv"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/httpapi/fastjson"
	"github.com/mugshot-studio/backend/internal/jsontext"
)

// chatBody answers getChat with what encoding/json would make of an api.Chat, byte for byte, as messagePage does.
type chatBody struct {
	chat db.Chat
	url  string
}

// VisitGetChatResponse implements api.GetChatResponseObject.
func (c chatBody) VisitGetChatResponse(w http.ResponseWriter) error {
	return fastjson.Write(w, http.StatusOK, c.append)
}

func (c chatBody) append(b []byte) (_ []byte, err error) {
	b = jsontext.AppendTime(append(b, `{"created_at":`...), c.chat.CreatedAt.UTC())
	b = jsontext.AppendUUID(append(b, `,"id":`...), c.chat.ID)
	b = strconv.AppendInt(append(b, `,"last_seq":`...), c.chat.LastSeq, 10)
	b = append(b, `,"project_id":`...)
	if c.chat.ProjectID == nil {
		b = append(b, "null"...)
	} else {
		b = jsontext.AppendUUID(b, *c.chat.ProjectID)
	}
	if b, err = jsontext.AppendString(append(b, `,"session_name":`...), c.chat.SessionName); err != nil {
		return nil, err
	}
	b = jsontext.AppendTime(append(b, `,"updated_at":`...), c.chat.UpdatedAt.UTC())
	if b, err = jsontext.AppendString(append(b, `,"url":`...), c.url); err != nil {
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
	if replayed := edge.IdempotentReplayed(s.replayed); replayed != nil {
		w.Header().Set("Idempotent-Replayed", *replayed)
	}
	return fastjson.Write(w, http.StatusCreated, s.append)
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
