package handler

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/chat"
)

func someMessage(content string) chat.Message {
	return chat.Message{
		ID: uuid.MustParse("0199f3aa-4e5f-7061-9273-8e9fa0b1c2d3"), ChatID: uuid.MustParse("0199f3a9-3d4e-7f50-8162-7d8e9fa0b1c2"),
		Seq: 7, Sender: "user", Content: content, Status: "complete",
		CreatedAt: time.Date(2026, 11, 21, 18, 4, 0, 120_000_000, time.FixedZone("", 3600)),
	}
}

func TestMessagesAnswer_equalsTheGeneratedAnswer(t *testing.T) {
	t.Parallel()
	code, words := "blocked", "Not <this>"
	failed := someMessage("")
	failed.ErrorCode, failed.ErrorMessage, failed.Status = &code, &words, "failed"
	suggests := someMessage("How about this?")
	suggests.Suggestion = json.RawMessage(`{"mode": "design", "platform": "youtube", "prompt": {"headline": "A & B"}}`)
	null := someMessage("nothing")
	null.Suggestion = json.RawMessage("null")
	whole := someMessage("on the second")
	whole.CreatedAt = whole.CreatedAt.Truncate(time.Second)
	for _, items := range [][]chat.Message{
		nil, {someMessage("")}, {someMessage("plain"), failed, suggests, null, whole, someMessage("größer, Ελληνικά, 🤖")},
	} {
		list := api.MessageList{NextCursor: nullable.NewNullNullable[api.NextCursor]()}
		var err error
		list.Items, err = toMessages(items)
		require.NoError(t, err)
		requireSameAnswer(t, api.ListMessages200JSONResponse(list).VisitListMessagesResponse, messagesAnswer{list}.VisitListMessagesResponse)
		list.NextCursor = nullable.NewNullableWithValue("MDE5YTdmNTA")
		requireSameAnswer(t, api.ListMessages200JSONResponse(list).VisitListMessagesResponse, messagesAnswer{list}.VisitListMessagesResponse)
	}
}

// BenchmarkMessagesAnswer writes a page of 50 messages, by AppendJSON and by encoding/json.
func BenchmarkMessagesAnswer(b *testing.B) {
	rows := make([]chat.Message, 50)
	for i := range rows {
		rows[i] = someMessage(strings.Repeat("make the title bolder and the face larger, ", 4))
	}
	for name, visit := range map[string]func(api.MessageList, http.ResponseWriter) error{
		"append": func(l api.MessageList, w http.ResponseWriter) error {
			return messagesAnswer{l}.VisitListMessagesResponse(w)
		},
		"encoding_json": func(l api.MessageList, w http.ResponseWriter) error {
			return api.ListMessages200JSONResponse(l).VisitListMessagesResponse(w)
		},
	} {
		b.Run(name, func(b *testing.B) {
			w := &nullWriter{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				items, err := toMessages(rows)
				if err != nil {
					b.Fatal(err)
				}
				if err := visit(api.MessageList{Items: items, NextCursor: nullable.NewNullableWithValue("MDE5YTdmNTA")}, w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
