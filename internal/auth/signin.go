package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

// Credentials are what a client signs in with.
type Credentials struct {
	Email    string
	Password string
	ByCookie bool // whether the refresh token is asked for as a cookie, for VerifySecondFactor to remember
}

// SignIn opens a session for an address and its password. It fails with ratelimit.ErrLocked, before any hash is computed;
// with [ErrInvalidCredentials], at the same cost whether or not there is an account; and, once the password has proved right,
// with [ErrEmailNotConfirmed] or [ErrSecondFactorRequired].
func (s *Service) SignIn(ctx context.Context, in Credentials, client Client) (Session, error) {
	in.Email = spelled(in.Email)
	guess, err := s.begin(ctx, ratelimit.Account(in.Email), in.Email, client)
	if err != nil {
		return Session{}, err
	}
	defer s.release(ctx, guess)
	user, found, err := s.byEmail(ctx, in.Email)
	if err != nil {
		return Session{}, err
	}
	match, err := s.verify(ctx, user, in.Password)
	if err != nil {
		return Session{}, err
	}
	if !match {
		return Session{}, s.refuse(ctx, guess, owner(user, found), audit.SignInFailed, ErrInvalidCredentials)
	}
	if err := guess.Succeed(ctx); err != nil {
		return Session{}, err
	}
	switch {
	case user.EmailConfirmedAt == nil:
		return Session{}, ErrEmailNotConfirmed
	case user.SecondFactorEnabledAt != nil:
		return Session{}, s.challenge(ctx, user, in.ByCookie, client)
	}
	var session Session
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		session, err = s.openAudited(ctx, q, user, client)
		return err
	})
	return session, err
}

// openAudited opens a session for an account that has proved itself, and writes it down.
func (s *Service) openAudited(ctx context.Context, q *db.Queries, user db.User, client Client) (Session, error) {
	session, err := s.open(ctx, q, user, client)
	if err != nil {
		return Session{}, err
	}
	return session, s.record(ctx, q, &user.ID, client, audit.SignedIn, map[string]any{"session_id": session.SessionID})
}

// verify compares a password with the account's, which costs one hash also where there is none. A hash that is weaker
// than today's is replaced, now that the password is at hand.
func (s *Service) verify(ctx context.Context, user db.User, plain string) (match bool, err error) {
	if user.PasswordHash == nil {
		return false, s.passwords.Burn(ctx)
	}
	match, weak, err := s.passwords.Verify(ctx, plain, *user.PasswordHash)
	if err != nil || !weak {
		return match, err
	}
	stronger, err := s.passwords.Hash(ctx, plain)
	if err != nil {
		return false, err
	}
	err = s.store.Queries().UserRehash(ctx, db.UserRehashParams{ID: user.ID, OldHash: user.PasswordHash, NewHash: &stronger})
	if err != nil {
		return false, fmt.Errorf("strengthen password hash: %w", err)
	}
	return match, nil
}

func owner(user db.User, found bool) *uuid.UUID {
	if !found {
		return nil
	}
	return &user.ID
}
