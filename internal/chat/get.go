package chat

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/coalesce"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Chats that are asked for while others are being read are read together by the next query. What a request waits for the others
// is short beside what it would otherwise wait for a connection.
const (
	getTimeout      = 30 * time.Second // longer than a statement may take, so that Postgres says how it ended
	getOverlapAfter = 20 * time.Millisecond
	getMax          = 64 // chats
)

// gets reads chats by id; null where there is none.
type gets = coalesce.Batcher[uuid.UUID, *db.Chat]

func newGets(store *postgres.Store) *gets {
	return &gets{Timeout: getTimeout, OverlapAfter: getOverlapAfter, MaxSize: getMax, Send: func(ctx context.Context, ids []uuid.UUID) ([]*db.Chat, error) {
		rows, err := store.Queries().ChatsGet(ctx, ids)
		if err != nil {
			return nil, fmt.Errorf("read chats: %w", err)
		}
		chats := make([]*db.Chat, len(ids))
		for i, id := range ids {
			for at := range rows {
				if rows[at].ID == id {
					chats[i] = &rows[at]
					break
				}
			}
		}
		return chats, nil
	}}
}

// Get reads a chat of the account, or fails with ErrNotFound.
func (s *Service) Get(ctx context.Context, userID, id uuid.UUID) (db.Chat, error) {
	chat, err := s.gets.Call(ctx, id)
	switch {
	case err != nil:
		return db.Chat{}, err
	case chat == nil || chat.UserID != userID:
		return db.Chat{}, ErrNotFound
	}
	return *chat, nil
}
