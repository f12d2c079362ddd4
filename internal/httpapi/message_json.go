package httpapi

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/chat"
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
	h["Content-Length"] = []string{strconv.Itoa(len(b))}
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
	b = append(b, `{"chat_id":"`...)
	b = appendUUID(b, m.ChatID)
	b = append(b, `","content":`...)
	b, err := appendText(b, m.Content)
	if err != nil {
		return nil, err
	}
	b = appendTime(append(b, `,"created_at":`...), m.CreatedAt)
	b = append(b, `,"error":null,"id":"`...)
	b = appendUUID(b, m.ID)
	b = append(b, `","sender":"`...)
	b = append(b, m.Sender...)
	b = append(b, `","seq":`...)
	b = strconv.AppendInt(b, m.Seq, 10)
	b = append(b, `,"status":"`...)
	b = append(b, m.Status...)
	return append(b, `","suggestion":null}`...), nil
}

// appendUUID appends the text of an id (RFC 9562, 4).
func appendUUID(b []byte, id uuid.UUID) []byte {
	b = hex.AppendEncode(b, id[:4])
	for _, part := range [][]byte{id[4:6], id[6:8], id[8:10], id[10:]} {
		b = hex.AppendEncode(append(b, '-'), part)
	}
	return b
}

// appendText appends a JSON string: as it is where nothing in it needs to be escaped, as most text does not.
func appendText(b []byte, s string) ([]byte, error) {
	plain := 0 // bytes that are ASCII and mean themselves
	for plain < len(s) && isPlain[s[plain]] {
		plain++
	}
	if plain == len(s) || strings.IndexFunc(s[plain:], needsCare) < 0 {
		return append(append(append(b, '"'), s...), '"'), nil
	}
	encoded, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode text: %w", err)
	}
	return append(b, encoded...), nil
}

// needsCare reports what encoding/json may escape; also the rune that stands for bytes which are not UTF-8.
func needsCare(r rune) bool {
	return r < ' ' || r == '"' || r == '\\' || r == '<' || r == '>' || r == '&' || r == '\u2028' || r == '\u2029' || r == '\uFFFD'
}

// isPlain has true for what needs no care, of ASCII.
var isPlain = func() (table [256]bool) { //nolint:gochecknoglobals // a constant, but for the language
	for b := range utf8.RuneSelf {
		table[b] = !needsCare(rune(b))
	}
	return table
}()
