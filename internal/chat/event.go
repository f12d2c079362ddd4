package chat

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// Events carries what happens in chats between processes.
type Events interface {
	Publish(ctx context.Context, topic string, payload []byte) error
	Post(ctx context.Context, topic string, payload []byte)
	Subscribe(topic string) *events.Subscription
}

// topic is where readers of a chat listen.
func topic(chatID uuid.UUID) string { return "chat:" + chatID.String() }

// controlTopic is the topic of a reply's control messages, to which the worker that writes the reply listens. It is apart
// from the chat's topic, so that the worker does not hear what it publishes itself.
func controlTopic(replyID uuid.UUID) string { return events.ControlTopic("reply:" + replyID.String()) }

// event is what is published in a chat; one of its members is set. All of it was committed before.
type event struct {
	Messages []Message `json:"messages,omitempty"`
	Delta    *delta    `json:"delta,omitempty"`
	Gone     bool      `json:"gone,omitempty"` // the chat was deleted
}

// delta is a piece of the text of one attempt. Its row holds at least the first From bytes of that text: the piece is
// everything that the row may not have yet. So a reader that has less than From bytes finds the missing ones in the row, and
// a reader that has more skips what it has.
type delta struct {
	ID    uuid.UUID `json:"id"`
	Seq   int64     `json:"seq"`
	Token int64     `json:"token"` // of the attempt
	From  int       `json:"from"`  // byte of the text at which Text begins
	Text  string    `json:"text"`
}

// controlMessage is a message to the worker that writes a reply.
type controlMessage struct {
	Stop int64 `json:"stop"` // the token of the attempt that is to end with what it has
}

// post announces, after a commit, what no other event of another process builds on. The caller does not wait for Redis.
func post(ctx context.Context, e Events, log *slog.Logger, chatID uuid.UUID, what event) {
	payload, err := json.Marshal(what)
	if err != nil {
		log.ErrorContext(ctx, "chat event not published", "chat_id", chatID, "error", err)
		return
	}
	e.Post(ctx, topic(chatID), payload)
}

// announce publishes after a commit. A lost event is made good by the next, or by the reader's own look, so a failure is
// only logged.
func announce(ctx context.Context, e Events, log *slog.Logger, chatID uuid.UUID, what event) {
	payload, err := json.Marshal(what)
	if err == nil {
		err = e.Publish(ctx, topic(chatID), payload)
	}
	if err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "chat event not published", "chat_id", chatID, "error", err)
	}
}
