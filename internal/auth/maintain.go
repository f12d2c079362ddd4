package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

const (
	// keepEnded is how long what has ended stays, for those who look into an incident.
	keepEnded = 30 * 24 * time.Hour
	// maintainBatch bounds one statement of Maintain.
	maintainBatch = 500
)

// Maintain seals anew what an old key sealed, so that JWT_SECRET_PREVIOUS can be taken out one day, removes accounts that
// were not confirmed in time, and forgets what ended long ago. To be run every minute or hour, in one process at a time; repeating it is cheap and harmless.
func (s *Service) Maintain(ctx context.Context) error {
	if err := s.reseal(ctx); err != nil {
		return err
	}
	if err := s.expireUnconfirmed(ctx); err != nil {
		return err
	}
	q, before := s.store.Queries(), s.now().Add(-keepEnded)
	for {
		n, err := q.SessionPrune(ctx, db.SessionPruneParams{Before: before, Batch: maintainBatch})
		if err != nil {
			return fmt.Errorf("prune sessions: %w", err)
		}
		if n < maintainBatch {
			break
		}
	}
	if _, err := q.PasswordResetPrune(ctx, before); err != nil {
		return fmt.Errorf("prune reset tokens: %w", err)
	}
	if _, err := q.ChallengePrune(ctx, before); err != nil {
		return fmt.Errorf("prune challenges: %w", err)
	}
	if _, err := q.MailPrune(ctx, keepEnded.Seconds()); err != nil {
		return fmt.Errorf("prune mails: %w", err)
	}
	return nil
}

// expiredBefore is the time before which an account had to be created for being too old to be confirmed.
func (s *Service) expiredBefore() time.Time { return s.now().Add(-s.cfg.UnconfirmedLifetime) }

// expireUnconfirmed removes the accounts that were not confirmed in time, each in a transaction of its own.
func (s *Service) expireUnconfirmed(ctx context.Context) error {
	for {
		expired, err := s.store.Queries().UserListUnconfirmed(ctx, db.UserListUnconfirmedParams{
			Before: s.expiredBefore(), Batch: maintainBatch,
		})
		if err != nil {
			return fmt.Errorf("list unconfirmed accounts: %w", err)
		}
		for _, id := range expired {
			err := s.store.InTx(ctx, func(q *db.Queries) error {
				_, err := q.UserLockUnconfirmed(ctx, id)
				switch {
				case postgres.IsNotFound(err): // confirmed, or replaced, since it was listed
					return nil
				case err != nil:
					return fmt.Errorf("lock unconfirmed account: %w", err)
				}
				return s.removeUnconfirmed(ctx, q, id, audit.UnconfirmedExpired)
			})
			if err != nil {
				return err
			}
		}
		if len(expired) < maintainBatch {
			return nil
		}
	}
}

// removeUnconfirmed removes an account that the transaction has locked, and writes down why.
func (s *Service) removeUnconfirmed(ctx context.Context, q *db.Queries, userID uuid.UUID, why audit.Action) error {
	if err := s.record(ctx, q, &userID, Client{}, why, nil); err != nil {
		return err
	}
	return s.remove(ctx, q, userID)
}

// reseal goes through the secrets that an old key sealed. Those that can't be opened are reported and left.
func (s *Service) reseal(ctx context.Context) error {
	q := s.store.Queries()
	stale, err := q.SecondFactorListStale(ctx, db.SecondFactorListStaleParams{
		KeyID: s.vault.currentKey(), Batch: maintainBatch,
	})
	if err != nil {
		return fmt.Errorf("list stale second factors: %w", err)
	}
	lost := 0
	for _, row := range stale {
		secret, err := s.vault.open(row.UserID, row.KeyID, row.Secret)
		if err != nil {
			lost++
			continue
		}
		sealed, err := s.vault.seal(row.UserID, secret)
		if err != nil {
			return err
		}
		_, err = q.SecondFactorReseal(ctx, db.SecondFactorResealParams{
			UserID: row.UserID, Enabled: row.Enabled, OldSecret: row.Secret, NewSecret: sealed, KeyID: s.vault.currentKey(),
		})
		if err != nil {
			return fmt.Errorf("seal second factor anew: %w", err)
		}
	}
	if lost > 0 {
		s.log.ErrorContext(ctx, "second factors can't be opened with any configured key", "accounts", lost)
	}
	return nil
}
