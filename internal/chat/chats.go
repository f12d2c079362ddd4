package chat

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Create begins a chat, about a project of the account unless projectID is nil. It fails with a validation error for
// a name that can't be shown and a project of another account.
func (s *Service) Create(ctx context.Context, userID uuid.UUID, name string, projectID *uuid.UUID) (db.Chat, error) {
	if err := checkName(name); err != nil {
		return db.Chat{}, err
	}
	chat, err := s.Store.Queries().ChatCreate(ctx, db.ChatCreateParams{
		ID: s.NewID(), UserID: userID, SessionName: name, ProjectID: projectID,
	})
	switch {
	case postgres.IsNotFound(err):
		return db.Chat{}, errNoProject()
	case err != nil:
		return db.Chat{}, fmt.Errorf("create chat: %w", err)
	}
	return chat, nil
}

// Position is where a chat stands in the list of an account's chats.
type Position struct {
	UpdatedAt time.Time
	ID        uuid.UUID
}

// List reads at most limit chats of the account that come after a position, latest first. A chat that is talked in
// meanwhile moves to the front; the others neither repeat nor are missed.
func (s *Service) List(ctx context.Context, userID uuid.UUID, after Position, limit int) ([]db.Chat, error) {
	list, err := s.Store.Queries().ChatList(ctx, db.ChatListParams{
		UserID: userID, BeforeTime: after.UpdatedAt, BeforeID: after.ID, PageSize: int32(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list chats: %w", err)
	}
	return list, nil
}

// Change is what to change of a chat; nil leaves it as it is.
type Change struct {
	Name    *string
	Project **uuid.UUID // points at nil for no project
}

// Update changes a chat of the account. It fails with ErrNotFound, or with a validation error for a name that can't
// be shown and a project of another account.
func (s *Service) Update(ctx context.Context, userID, id uuid.UUID, c Change) (db.Chat, error) {
	if c.Name != nil {
		if err := checkName(*c.Name); err != nil {
			return db.Chat{}, err
		}
	}
	params := db.ChatUpdateParams{ID: id, UserID: userID, SessionName: c.Name, SetProject: c.Project != nil}
	if c.Project != nil {
		params.ProjectID = *c.Project
	}
	chat, err := s.Store.Queries().ChatUpdate(ctx, params)
	if postgres.IsNotFound(err) {
		if _, err := s.Get(ctx, userID, id); err != nil {
			return db.Chat{}, err
		}
		return db.Chat{}, errNoProject()
	}
	if err != nil {
		return db.Chat{}, fmt.Errorf("update chat: %w", err)
	}
	return chat, nil
}

// Delete removes a chat of the account with its messages, or fails with ErrNotFound. A worker that is writing a reply in
// it learns by its next write or renewal that the reply is gone.
func (s *Service) Delete(ctx context.Context, userID, id uuid.UUID) error {
	rows, err := s.Store.Queries().ChatDelete(ctx, db.ChatDeleteParams{ID: id, UserID: userID})
	switch {
	case err != nil:
		return fmt.Errorf("delete chat: %w", err)
	case rows == 0:
		return ErrNotFound
	}
	announce(ctx, s.Events, s.Log, id, event{Gone: true})
	return nil
}
