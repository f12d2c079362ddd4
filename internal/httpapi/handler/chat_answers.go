package handler

import (
	"net/http"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/httpapi/fastjson"
)

// The answers that are asked for most are written by the AppendJSON of their types, which is generated from the spec
// (x-append-json), where the generated answers of all other operations use encoding/json.
type (
	chatAnswer     struct{ api.Chat }
	messagesAnswer struct{ api.MessageList }
	sentAnswer     struct {
		api.MessageSent

		replayed bool
	}
)

// VisitGetChatResponse implements api.GetChatResponseObject.
func (a chatAnswer) VisitGetChatResponse(w http.ResponseWriter) error {
	return fastjson.Write(w, http.StatusOK, &a.Chat)
}

// VisitListMessagesResponse implements api.ListMessagesResponseObject.
func (a messagesAnswer) VisitListMessagesResponse(w http.ResponseWriter) error {
	return fastjson.Write(w, http.StatusOK, &a.MessageList)
}

// VisitSendMessageResponse implements api.SendMessageResponseObject.
func (a sentAnswer) VisitSendMessageResponse(w http.ResponseWriter) error {
	if replayed := edge.IdempotentReplayed(a.replayed); replayed != nil {
		w.Header().Set("Idempotent-Replayed", *replayed)
	}
	return fastjson.Write(w, http.StatusCreated, &a.MessageSent)
}
