package handler

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
)

// requireSameAnswer holds an answer to that of the generated type, which encoding/json writes.
func requireSameAnswer(t *testing.T, generated, appended func(http.ResponseWriter) error) {
	t.Helper()
	want, got := httptest.NewRecorder(), httptest.NewRecorder()
	require.NoError(t, generated(want))
	require.NoError(t, appended(got))
	require.Equal(t, want.Body.String(), got.Body.String())
	require.Equal(t, want.Code, got.Code)
	got.Header().Del("Content-Length") // which net/http adds to the other
	require.Equal(t, want.Header(), got.Header())
}

func TestChatAnswer_equalsTheGeneratedAnswer(t *testing.T) {
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
				chatAnswer{h.toChat(row)}.VisitGetChatResponse)
		}
	}
}

func TestSentAnswer_equalsTheGeneratedAnswer(t *testing.T) {
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
			}.VisitSendMessageResponse, sentAnswer{body, replayed}.VisitSendMessageResponse)
		}
	}
}

// BenchmarkChatAnswer writes what getChat and sendMessage answer, by AppendJSON and by encoding/json.
func BenchmarkChatAnswer(b *testing.B) {
	row := db.Chat{ID: someID, SessionName: "Robot video", LastSeq: 4, CreatedAt: someTime, UpdatedAt: someTime}
	sent := chat.Sent{Message: someMessage("please make the title bolder and the face a little larger")}
	h := chatHandlers{appURL: "https://app.example.com"}
	for _, c := range []struct {
		name  string
		visit func(http.ResponseWriter) error
	}{
		{"chat_append", func(w http.ResponseWriter) error {
			return chatAnswer{h.toChat(row)}.VisitGetChatResponse(w)
		}},
		{"chat_encoding_json", func(w http.ResponseWriter) error {
			return api.GetChat200JSONResponse(h.toChat(row)).VisitGetChatResponse(w)
		}},
		{"sent_append", func(w http.ResponseWriter) error {
			body, err := toSent(sent)
			if err != nil {
				return err
			}
			return sentAnswer{body, false}.VisitSendMessageResponse(w)
		}},
		{"sent_encoding_json", func(w http.ResponseWriter) error {
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
