package chat

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// However an event is written, it is what json.Marshal makes of it.
func TestEvent_encodesLikeJSON(t *testing.T) {
	t.Parallel()
	code, words := "blocked", "Not <this>"
	plain := Message{
		ID: uuid.New(), ChatID: uuid.New(), Seq: 7, Sender: fromUser, Content: "größer & kleiner", Status: complete, Revision: 1,
		CreatedAt: time.Date(2026, 11, 21, 18, 4, 0, 120_000_000, time.FixedZone("", 3600)), Token: 3,
	}
	pendingReply, blocked, suggests := plain, plain, plain
	pendingReply.Content, pendingReply.Sender, pendingReply.Status = "", fromAI, pending
	blocked.ErrorCode, blocked.ErrorMessage, blocked.Status = &code, &words, failed
	suggests.Suggestion = json.RawMessage(`{"mode":"design"}`)
	for _, e := range []event{
		{},
		{Gone: true},
		{Delta: &delta{Text: "x"}},
		{Messages: []Message{{}}},
		{Messages: []Message{plain}},
		{Messages: []Message{plain, pendingReply}},
		{Messages: []Message{blocked}},
		{Messages: []Message{plain, suggests}},
		{Messages: []Message{plain}, Gone: true},
	} {
		want, err := json.Marshal(e)
		require.NoError(t, err)
		got, err := e.encode()
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
}

func BenchmarkEvent_encode(b *testing.B) {
	e := event{Messages: []Message{{ID: uuid.New(), Sender: fromUser, Content: "please make the title bolder", Status: complete}}}
	for name, encode := range map[string]func() ([]byte, error){
		"by hand": e.encode, "reflection": func() ([]byte, error) { return json.Marshal(e) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encode(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
