package handler

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/oapi-codegen/nullable"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/httpapi/fastjson"
	"github.com/mugshot-studio/backend/internal/jsontext"
)

// messagePage answers listMessages with what encoding/json would make of an api.MessageList, byte for byte, which a test
// holds it to. A page of 50 is the largest answer that is asked for often, and reflection on its nullable members took
// more time than reading them from Postgres.
type messagePage struct {
	items []chat.Message
	next  nullable.Nullable[api.NextCursor]
}

// VisitListMessagesResponse implements api.ListMessagesResponseObject.
func (p messagePage) VisitListMessagesResponse(w http.ResponseWriter) error {
	return fastjson.Write(w, http.StatusOK, p.append)
}

func (p messagePage) append(b []byte) (_ []byte, err error) {
	b = append(b, `{"items":[`...)
	for i := range p.items {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendMessage(b, &p.items[i]); err != nil {
			return nil, err
		}
	}
	next, err := json.Marshal(p.next)
	if err != nil {
		return nil, fmt.Errorf("encode cursor: %w", err)
	}
	b = append(append(b, `],"next_cursor":`...), next...)
	return append(b, "}\n"...), nil
}

// appendMessage leaves the few messages that are more than text to the generated type.
func appendMessage(b []byte, m *chat.Message) ([]byte, error) {
	if m.ErrorCode != nil || m.ErrorMessage != nil || len(m.Suggestion) > 0 {
		message, err := toMessage(*m)
		if err != nil {
			return nil, err
		}
		encoded, err := json.Marshal(message)
		if err != nil {
			return nil, fmt.Errorf("encode message: %w", err)
		}
		return append(b, encoded...), nil
	}
	b = jsontext.AppendUUID(append(b, `{"chat_id":`...), m.ChatID)
	b, err := jsontext.AppendString(append(b, `,"content":`...), m.Content)
	if err != nil {
		return nil, err
	}
	b = jsontext.AppendTime(append(b, `,"created_at":`...), m.CreatedAt.UTC())
	b = jsontext.AppendUUID(append(b, `,"error":null,"id":`...), m.ID)
	b = append(b, `,"sender":"`...)
	b = append(b, m.Sender...)
	b = append(b, `","seq":`...)
	b = strconv.AppendInt(b, m.Seq, 10)
	b = append(b, `,"status":"`...)
	b = append(b, m.Status...)
	return append(b, `","suggestion":null}`...), nil
}
