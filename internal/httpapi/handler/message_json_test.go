package handler

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/chat"
)

// requireSamePage holds a page to what the generated type makes of it.
func requireSamePage(t *testing.T, page messagePage) {
	t.Helper()
	list := api.ListMessages200JSONResponse{Items: []api.Message{}, NextCursor: page.next}
	for _, m := range page.items {
		message, err := toMessage(m)
		require.NoError(t, err)
		list.Items = append(list.Items, message)
	}
	want, got := httptest.NewRecorder(), httptest.NewRecorder()
	require.NoError(t, list.VisitListMessagesResponse(want))
	require.NoError(t, page.VisitListMessagesResponse(got))
	require.Equal(t, want.Body.String(), got.Body.String())
	require.Equal(t, want.Code, got.Code)
	require.Equal(t, want.Header().Get("Content-Type"), got.Header().Get("Content-Type"))
}

func someMessage(content string) chat.Message {
	return chat.Message{
		ID: uuid.MustParse("0199f3aa-4e5f-7061-9273-8e9fa0b1c2d3"), ChatID: uuid.MustParse("0199f3a9-3d4e-7f50-8162-7d8e9fa0b1c2"),
		Seq: 7, Sender: "user", Content: content, Status: "complete",
		CreatedAt: time.Date(2026, 11, 21, 18, 4, 0, 120_000_000, time.FixedZone("", 3600)),
	}
}

func TestMessagePage_equalsTheGeneratedType(t *testing.T) {
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
		requireSamePage(t, messagePage{items: items, next: nullable.NewNullNullable[api.NextCursor]()})
		requireSamePage(t, messagePage{items: items, next: nullable.NewNullableWithValue("MDE5YTdmNTA")})
	}
}

// BenchmarkMessagePage writes a page of 50 messages, by hand and as the generated type does.
func BenchmarkMessagePage(b *testing.B) {
	page := messagePage{next: nullable.NewNullableWithValue("MDE5YTdmNTA")}
	for range 50 {
		page.items = append(page.items, someMessage(strings.Repeat("make the title bolder and the face larger, ", 4)))
	}
	for name, visit := range map[string]func(http.ResponseWriter) error{
		"by hand": page.VisitListMessagesResponse,
		"generated": func(w http.ResponseWriter) error {
			list := api.ListMessages200JSONResponse{Items: make([]api.Message, len(page.items)), NextCursor: page.next}
			for i, m := range page.items {
				var err error
				if list.Items[i], err = toMessage(m); err != nil {
					return err
				}
			}
			return list.VisitListMessagesResponse(w)
		},
	} {
		b.Run(name, func(b *testing.B) {
			w := &nullWriter{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				if err := visit(w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
