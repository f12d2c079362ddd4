package auth

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// The reasons why a session ended, as its row has them.
const (
	endSignedOut       = "signed_out"
	endRevoked         = "revoked"
	endTokenReused     = "token_reused"
	endPasswordChanged = "password_changed"
)

// Session is what a client gets by signing in.
type Session struct {
	Principal
	AccessToken      string // a secret
	ExpiresIn        time.Duration
	Refresh          token.Refresh
	RefreshExpiresAt time.Time
}

// open adds a session for an account whose credentials have just been checked. It fails with ErrInvalidCredentials when
// they have changed since.
func (s *Service) open(ctx context.Context, q *db.Queries, user db.User, client Client) (Session, error) {
	id, now := s.newID(), s.now()
	refresh, err := s.refreshTokens.New(id)
	if err != nil {
		return Session{}, err
	}
	row, err := q.SessionCreate(ctx, db.SessionCreateParams{
		ID: id, UserID: user.ID, CredentialsVersion: user.CredentialsVersion, RefreshHash: refresh.Hash[:],
		UserAgent: client.UserAgent, IP: client.IP, Now: now,
		IdleExpiresAt: now.Add(min(s.cfg.SessionIdle, s.cfg.SessionLifetime)), ExpiresAt: now.Add(s.cfg.SessionLifetime),
	})
	switch {
	case postgres.IsNotFound(err):
		return Session{}, ErrInvalidCredentials
	case err != nil:
		return Session{}, fmt.Errorf("open session: %w", err)
	}
	return s.issue(Principal{UserID: user.ID, SessionID: id}, refresh, row.IdleExpiresAt)
}

// issue makes the access token that goes with a refresh token.
func (s *Service) issue(p Principal, refresh token.Refresh, refreshExpiresAt time.Time) (Session, error) {
	access, expiresIn, err := s.accessTokens.Issue(token.Claims(p))
	if err != nil {
		return Session{}, err
	}
	return Session{
		Principal: p, AccessToken: access, ExpiresIn: expiresIn, Refresh: refresh, RefreshExpiresAt: refreshExpiresAt,
	}, nil
}

// Authenticate returns the account and session of an access token. It fails with [ErrUnauthenticated], also for a good token
// whose session was ended a moment ago: the session's row is read each time.
func (s *Service) Authenticate(ctx context.Context, accessToken string) (Principal, error) {
	claims, err := s.accessTokens.Verify(accessToken)
	if err != nil {
		return Principal{}, ErrUnauthenticated
	}
	principal := Principal(claims)
	alive, err := s.Alive(ctx, principal)
	switch {
	case err != nil:
		return Principal{}, err
	case !alive:
		return Principal{}, ErrUnauthenticated
	}
	return principal, nil
}

// Alive tells whether a session may still be used.
func (s *Service) Alive(ctx context.Context, p Principal) (bool, error) {
	alive, err := s.sessionsAlive.Call(ctx, p)
	if err != nil {
		return false, fmt.Errorf("look up session: %w", err)
	}
	return alive, nil
}

// Simultaneous requests read their sessions in one query. What a request waits for the others is short beside what it would
// otherwise wait for a connection. A query that takes longer than sessionOverlapAfter no longer keeps the next from starting.
const (
	sessionTimeout      = 5 * time.Second
	sessionOverlapAfter = 20 * time.Millisecond
)

// areAlive tells which of some sessions may still be used.
func (s *Service) areAlive(ctx context.Context, asked []Principal) ([]bool, error) {
	ids := make([]uuid.UUID, len(asked))
	for i, p := range asked {
		ids[i] = p.SessionID
	}
	rows, err := s.store.Queries().SessionsAlive(ctx, db.SessionsAliveParams{Ids: ids, Now: s.now()})
	if err != nil {
		return nil, err
	}
	alive := make([]bool, len(asked))
	for i, p := range asked {
		alive[i] = slices.Contains(rows, db.SessionsAliveRow{ID: p.SessionID, UserID: p.UserID})
	}
	return alive, nil
}

// SignOut ends the session that is asking.
func (s *Service) SignOut(ctx context.Context, p Principal, client Client) error {
	_, err := s.end(ctx, p, p.SessionID, endSignedOut, audit.SignedOut, client)
	return err
}

// end ends a session of the account that is asking, and reports whether it was alive.
func (s *Service) end(
	ctx context.Context, p Principal, id uuid.UUID, reason string, action audit.Action, client Client,
) (ended bool, err error) {
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		n, err := q.SessionRevoke(ctx, db.SessionRevokeParams{ID: id, UserID: p.UserID, Reason: reason, Now: s.now()})
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		if ended = n > 0; !ended {
			return nil
		}
		return s.record(ctx, q, &p.UserID, client, action, map[string]any{"session_id": id})
	})
	if err == nil && ended {
		s.onSessionsEnd(ctx, p.UserID)
	}
	return ended, err
}
