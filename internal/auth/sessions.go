package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/audit"
)

// Sessions reads at most limit living sessions of an account whose ids are below before, newest first.
func (s *Service) Sessions(
	ctx context.Context, userID, before uuid.UUID, limit int,
) ([]db.SessionListRow, error) {
	rows, err := s.store.Queries().SessionList(ctx, db.SessionListParams{
		UserID: userID, BeforeID: before, Now: s.now(), PageSize: int32(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return rows, nil
}

// RevokeSession ends a session of the principal's account, which may be the one of the request. It fails with
// [ErrSessionNotFound] for one that has ended, or that belongs to another account.
func (s *Service) RevokeSession(ctx context.Context, p Principal, id uuid.UUID, client Client) error {
	ended, err := s.end(ctx, p, id, endRevoked, audit.SessionRevoked, client)
	if err == nil && !ended {
		return ErrSessionNotFound
	}
	return err
}

// RevokeOtherSessions ends all sessions of the account but the one of the request.
func (s *Service) RevokeOtherSessions(ctx context.Context, p Principal, client Client) error {
	err := s.store.InTx(ctx, func(q *db.Queries) error {
		ended, err := q.SessionRevokeOthers(ctx, db.SessionRevokeOthersParams{
			UserID: p.UserID, KeepID: p.SessionID, Reason: endRevoked, Now: s.now(),
		})
		if err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
		return s.record(ctx, q, &p.UserID, client, audit.OtherSessionsRevoked, map[string]any{"sessions_ended": ended})
	})
	if err == nil {
		s.onSessionsEnd(ctx, p.UserID)
	}
	return err
}
