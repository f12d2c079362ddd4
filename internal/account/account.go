// Package account reads, changes, exports and deletes an account on behalf of its owner. What proves who the owner is
// (password, sessions, second factor) belongs to package auth.
//
// An account exists or it is gone. [Service.Delete] removes its rows in one transaction, which also writes an erasure: the
// promise that its objects in storage will be removed. [RemoveUnconfirmed] does the same for package auth. Invariants:
//
//   - After the deletion no row and no object holds anything that names the owner. Ledger and audit rows stay, without the
//     account's id, addresses and user agents.
//   - An erasure ends only after a last pass a day later, when no signed upload and no job can add an object any more. A crash
//     or a storage that is away delays it and loses nothing: [Service.EraseDue] goes on.
//   - [Service.Export] holds every column of every table that says something about the owner; a test compares it with the schema.
//
// Both deletion and export are written down as audit events.
package account

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// Account is an account with its profile photo.
type Account struct {
	db.User
	Photo *db.Asset // nil: none
}

// Deps are what a Service stands on.
type Deps struct {
	Store   *postgres.Store
	Auth    *auth.Service
	Objects storage.Store
	// OnSessionsEnd is told of an account that was deleted, after the commit; nil: not observed.
	OnSessionsEnd auth.SessionsObserver
	Now           func() time.Time
	NewID         func() uuid.UUID
	Log           *slog.Logger
}

// Service reads, changes and deletes accounts. It is safe for concurrent use.
type Service struct {
	store   *postgres.Store
	auth    *auth.Service
	objects storage.Store
	now     func() time.Time
	newID   func() uuid.UUID
	log     *slog.Logger

	onSessionsEnd auth.SessionsObserver
}

// New returns a service.
func New(d Deps) *Service {
	s := &Service{
		store: d.Store, auth: d.Auth, objects: d.Objects, now: d.Now, newID: d.NewID, log: d.Log, onSessionsEnd: d.OnSessionsEnd,
	}
	if s.onSessionsEnd == nil {
		s.onSessionsEnd = func(context.Context, uuid.UUID) {}
	}
	return s
}

// Get reads an account. It fails with ErrNotFound when it has been deleted meanwhile.
func (s *Service) Get(ctx context.Context, userID uuid.UUID) (Account, error) {
	user, err := s.store.Queries().UserGet(ctx, userID)
	switch {
	case postgres.IsNotFound(err):
		return Account{}, ErrNotFound
	case err != nil:
		return Account{}, fmt.Errorf("read account: %w", err)
	}
	return s.withPhoto(ctx, user)
}

func (s *Service) withPhoto(ctx context.Context, user db.User) (Account, error) {
	if user.ProfilePhotoAssetID == nil {
		return Account{User: user}, nil
	}
	photo, err := s.store.Queries().AssetGet(ctx, db.AssetGetParams{ID: *user.ProfilePhotoAssetID, UserID: &user.ID})
	switch {
	case postgres.IsNotFound(err): // deleted between the two queries
		return Account{User: user}, nil
	case err != nil:
		return Account{}, fmt.Errorf("read profile photo: %w", err)
	}
	return Account{User: user, Photo: &photo}, nil
}

// record writes an event of an account with q.
func (s *Service) record(
	ctx context.Context, q *db.Queries, userID uuid.UUID, client auth.Client, action audit.Action, meta map[string]any,
) error {
	return audit.Record(ctx, q, audit.Entry{
		ID: s.newID(), UserID: &userID, Action: action, IP: client.IP, UserAgent: client.UserAgent, Meta: meta,
	})
}
