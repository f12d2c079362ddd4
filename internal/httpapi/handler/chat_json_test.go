package handler

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
)

// requireSameAnswer holds an answer that is made by hand to what the generated type makes of it.
func requireSameAnswer(t *testing.T, generated, byHand func(http.ResponseWriter) error) {
	t.Helper()
	want, got := httptest.NewRecorder(), httptest.NewRecorder()
	require.NoError(t, generated(want))
	require.NoError(t, byHand(got))
	require.Equal(t, want.Body.String(), got.Body.String())
	require.Equal(t, want.Code, got.Code)
	got.Header().Del("Content-Length") // which net/http adds to the other
	require.Equal(t, want.Header(), got.Header())
}

func TestChatBody_equalsTheGeneratedType(t *testing.T) {
	t.Parallel()
	project := someID
	for _, appURL := range []string{"https://app.example.com", "http://localhost:3000/a&b"} {
		h := chatHandlers{appURL: appURL}
		for _, row := range []db.Chat{
			{},
			{ID: someID, SessionName: "Robot video", LastSeq: 4, CreatedAt: someTime, UpdatedAt: someTime.Add(time.Microsecond)},
			{ID: someID, SessionName: "größer <&> \"\\\u2028", ProjectID: &project, CreatedAt: someTime.In(time.FixedZone("", 3600))},
		} {
			requireSameAnswer(t, api.GetChat200JSONResponse(h.toChat(row)).VisitGetChatResponse,
				chatBody{chat: row, url: h.url(row.ID)}.VisitGetChatResponse)
		}
	}
}

func TestSentBody_equalsTheGeneratedType(t *testing.T) {
	t.Parallel()
	code, words := "blocked", "Not <this>"
	reply := someMessage("")
	reply.Sender, reply.Status = "ai", "pending"
	failed := reply
	failed.ErrorCode, failed.ErrorMessage, failed.Status = &code, &words, "failed"
	for _, sent := range []chat.Sent{
		{Message: someMessage("plain")}, {Message: someMessage("größer & kleiner"), Reply: &reply}, {Message: someMessage(""), Reply: &failed},
	} {
		for _, replayed := range []bool{false, true} {
			body, err := toSent(sent)
			require.NoError(t, err)
			requireSameAnswer(t, api.SendMessage201JSONResponse{
				Body: body, Headers: api.SendMessage201ResponseHeaders{IdempotentReplayed: edge.IdempotentReplayed(replayed)},
			}.VisitSendMessageResponse, sentBody{sent: sent, replayed: replayed}.VisitSendMessageResponse)
		}
	}
}

func toSent(s chat.Sent) (api.MessageSent, error) {
	message, err := toMessage(s.Message)
	if err != nil || s.Reply == nil {
		return api.MessageSent{Message: message, Reply: nullable.NewNullNullable[api.Message]()}, err
	}
	reply, err := toMessage(*s.Reply)
	return api.MessageSent{Message: message, Reply: nullable.NewNullableWithValue(reply)}, err
}

// BenchmarkChatBody writes what getChat and sendMessage answer, by hand and as the generated types do.
func BenchmarkChatBody(b *testing.B) {
	row := db.Chat{ID: someID, SessionName: "Robot video", LastSeq: 4, CreatedAt: someTime, UpdatedAt: someTime}
	sent := chat.Sent{Message: someMessage("please make the title bolder and the face a little larger")}
	h := chatHandlers{appURL: "https://app.example.com"}
	for _, c := range []struct {
		name  string
		visit func(http.ResponseWriter) error
	}{
		{"chat_by_hand", func(w http.ResponseWriter) error {
			return chatBody{chat: row, url: h.url(row.ID)}.VisitGetChatResponse(w)
		}},
		{"chat_generated", func(w http.ResponseWriter) error {
			return api.GetChat200JSONResponse(h.toChat(row)).VisitGetChatResponse(w)
		}},
		{"sent_by_hand", func(w http.ResponseWriter) error { return sentBody{sent: sent}.VisitSendMessageResponse(w) }},
		{"sent_generated", func(w http.ResponseWriter) error {
			body, err := toSent(sent)
			if err != nil {
				return err
			}
			return api.SendMessage201JSONResponse{Body: body}.VisitSendMessageResponse(w)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := &nullWriter{header: http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				if err := c.visit(w); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
