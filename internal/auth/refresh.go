package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// RefreshSessionID returns the session that a refresh token was issued for, so that the CSRF check of that session can run
// before the token is spent. It fails with [ErrInvalidRefreshToken] for a token that was never issued here.
func (s *Service) RefreshSessionID(refreshToken string) (uuid.UUID, error) {
	refresh, err := s.refreshTokens.Parse(refreshToken)
	if err != nil {
		return uuid.Nil, ErrInvalidRefreshToken
	}
	return refresh.SessionID, nil
}

// Refresh spends a refresh token and returns its successor. A spent token whose successor is still unused is answered with the
// same successor again, whenever and from wherever: two tabs refresh at once, or an answer got lost and the phone is in another
// network by now. A spent token whose successor was used ends its session, since two parties then have it (RFC 9700, section
// 4.14.2). It fails with [ErrInvalidRefreshToken].
func (s *Service) Refresh(ctx context.Context, refreshToken string, client Client) (Session, error) {
	presented, err := s.refreshTokens.Parse(refreshToken)
	if err != nil {
		return Session{}, ErrInvalidRefreshToken
	}
	// A request that loses the race for a rotation reads the row once more, and then finds the token spent.
	for range 2 {
		row, err := s.living(ctx, presented.SessionID)
		if err != nil {
			return Session{}, err
		}
		if !presented.Is(row.RefreshHash) {
			return s.answerSpent(ctx, row, presented, client)
		}
		session, won, err := s.rotate(ctx, row, presented, client)
		if err != nil || won {
			return session, err
		}
	}
	return Session{}, ErrInvalidRefreshToken
}

// living reads a session that may still be refreshed.
func (s *Service) living(ctx context.Context, id uuid.UUID) (db.Session, error) {
	row, err := s.store.Queries().SessionGet(ctx, id)
	now := s.now()
	switch {
	case postgres.IsNotFound(err):
		return db.Session{}, ErrInvalidRefreshToken
	case err != nil:
		return db.Session{}, fmt.Errorf("read session: %w", err)
	case row.RevokedAt != nil || !now.Before(row.ExpiresAt) || !now.Before(row.IdleExpiresAt):
		return db.Session{}, ErrInvalidRefreshToken
	}
	return row, nil
}

// rotate replaces the session's token by its successor, unless another request has replaced it first.
func (s *Service) rotate(
	ctx context.Context, row db.Session, current token.Refresh, client Client,
) (session Session, won bool, err error) {
	nonce, err := s.refreshTokens.Nonce()
	if err != nil {
		return Session{}, false, err
	}
	next, now := s.refreshTokens.Next(current, nonce), s.now()
	idle := now.Add(s.cfg.SessionIdle)
	if idle.After(row.ExpiresAt) {
		idle = row.ExpiresAt
	}
	rotated, err := s.store.Queries().SessionRotate(ctx, db.SessionRotateParams{
		ID: row.ID, OldHash: current.Hash[:], NewHash: next.Hash[:], RotationNonce: nonce[:], Now: now,
		IdleExpiresAt: idle, UserAgent: client.UserAgent, IP: client.IP,
	})
	switch {
	case err != nil:
		return Session{}, false, fmt.Errorf("rotate refresh token: %w", err)
	case rotated == 0:
		return Session{}, false, nil
	}
	session, err = s.issue(Principal{UserID: row.UserID, SessionID: row.ID}, next, idle)
	return session, true, err
}

// answerSpent repeats the last answer where its token is still unused, and otherwise ends the session.
func (s *Service) answerSpent(ctx context.Context, row db.Session, spent token.Refresh, client Client) (Session, error) {
	owner := Principal{UserID: row.UserID, SessionID: row.ID}
	if spent.Is(row.PreviousHash) {
		if next, ok := s.refreshTokens.Repeat(spent, [token.NonceSize]byte(row.RotationNonce), row.RefreshHash); ok {
			return s.issue(owner, next, row.IdleExpiresAt)
		}
	}
	if _, err := s.end(ctx, owner, row.ID, endTokenReused, audit.RefreshTokenReused, client); err != nil {
		return Session{}, err
	}
	return Session{}, ErrInvalidRefreshToken
}
