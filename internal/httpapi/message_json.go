package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/oapi-codegen/nullable"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/chat"
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
	return answer(w, http.StatusOK, p.append)
}

// maxShortBody is the length of a body that net/http holds back until the handler is done, and then writes with its length
// by itself (net/http, bufferBeforeChunkingSize). Eight headers take less than half of the room of nine.
const maxShortBody = 2048

// answer writes a body of JSON that is made by hand.
func answer(w http.ResponseWriter, status int, body func([]byte) ([]byte, error)) error {
	buffer := bodyBuffers.Get().(*[]byte)
	defer bodyBuffers.Put(buffer)
	b, err := body((*buffer)[:0])
	if err != nil {
		return err
	}
	*buffer = b
	h := w.Header()
	h["Content-Type"] = jsonType
	if len(b) > maxShortBody {
		h["Content-Length"] = []string{strconv.Itoa(len(b))}
	}
	w.WriteHeader(status)
	_, err = w.Write(b)
	return err
}

// bodyBuffers are shared by all bodies: a page takes some 25 kB, which would be most of what the collector has to clear
// away.
var bodyBuffers = sync.Pool{New: func() any { return new([]byte) }} //nolint:gochecknoglobals // a pool of one body would be none

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
