package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// The limits of a challenge.
const (
	challengeLifetime = 5 * time.Minute
	challengeTries    = 5
)

// challenge returns ErrSecondFactorRequired with the token that stands for a right password.
func (s *Service) challenge(ctx context.Context, user db.User, byCookie bool, client Client) error {
	secret, hash, err := token.NewReset(s.random) // 256 random bits and their hash, whatever they are for
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		now := s.now()
		err := q.ChallengeCreate(ctx, db.ChallengeCreateParams{
			TokenHash: hash[:], UserID: user.ID, CredentialsVersion: user.CredentialsVersion, ByCookie: byCookie,
			Now: now, ExpiresAt: now.Add(challengeLifetime),
		})
		if err != nil {
			return fmt.Errorf("keep challenge: %w", err)
		}
		return s.record(ctx, q, &user.ID, client, audit.SecondFactorAsked, nil)
	})
	if err != nil {
		return err
	}
	return ErrSecondFactorRequired.WithDetail("challenge", secret)
}

// VerifySecondFactor opens the session that a challenge stands for, and tells whether its refresh token was asked for as
// a cookie. It fails with ErrInvalidCode, whatever is wrong with challenge or proof, and with ratelimit.ErrLocked.
func (s *Service) VerifySecondFactor(
	ctx context.Context, challenge string, proof Proof, client Client,
) (session Session, byCookie bool, err error) {
	if err := proof.check(); err != nil {
		return Session{}, false, err
	}
	hash, err := token.HashReset(challenge)
	if err != nil {
		return Session{}, false, ErrInvalidCode
	}
	// As with mailed codes, the try counts before the proof is looked at.
	row, err := s.store.Queries().ChallengeTry(ctx, db.ChallengeTryParams{
		TokenHash: hash[:], Now: s.now(), MaxAttempts: challengeTries,
	})
	switch {
	case postgres.IsNotFound(err):
		return Session{}, false, ErrInvalidCode
	case err != nil:
		return Session{}, false, fmt.Errorf("count try of challenge: %w", err)
	}
	user, err := s.account(ctx, row.UserID)
	if err != nil {
		return Session{}, false, err
	}
	if user.CredentialsVersion != row.CredentialsVersion { // the password was changed meanwhile
		return Session{}, false, ErrInvalidCode
	}
	err = s.guessFactor(ctx, user, proof, client, func(q *db.Queries) error {
		session, err = s.meet(ctx, q, user, hash[:], client)
		return err
	})
	return session, row.ByCookie, err
}

// meet consumes a challenge and opens its session.
func (s *Service) meet(
	ctx context.Context, q *db.Queries, user db.User, challengeHash []byte, client Client,
) (Session, error) {
	used, err := q.ChallengeUse(ctx, db.ChallengeUseParams{TokenHash: challengeHash, Now: s.now()})
	switch {
	case err != nil:
		return Session{}, fmt.Errorf("use challenge: %w", err)
	case used == 0: // another request has used it
		return Session{}, ErrInvalidCode
	}
	return s.openAudited(ctx, q, user, client)
}
