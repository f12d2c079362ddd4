package chat

import (
	"context"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// newMessage is a message that asks for no reply and has no key, which is to be stored.
type newMessage struct {
	id, chatID, userID uuid.UUID
	content            string
}

// newMessages stores messages that come while others are being stored in one statement, whose commit they share.
type newMessages = postgres.Together[newMessage, db.MessageSendTogetherRow]

func storeTogether(store *postgres.Store) *newMessages {
	execute := func(ctx context.Context, batch []newMessage) ([]db.MessageSendTogetherRow, error) {
		p := db.MessageSendTogetherParams{
			MessageIds: make([]uuid.UUID, len(batch)), ChatIds: make([]uuid.UUID, len(batch)), UserIds: make([]uuid.UUID, len(batch)),
			Contents: make([]string, len(batch)),
		}
		for i, m := range batch {
			p.MessageIds[i], p.ChatIds[i], p.UserIds[i], p.Contents[i] = m.id, m.chatID, m.userID, m.content
		}
		return store.Queries().MessageSendTogether(ctx, p)
	}
	return postgres.NewTogether(execute,
		func(m newMessage) uuid.UUID { return m.chatID },
		func(m newMessage) uuid.UUID { return m.id },
		func(row db.MessageSendTogetherRow) uuid.UUID { return row.ID })
}
