package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
)

const (
	// keepEnded is how long what has ended stays, for those who look into an incident.
	keepEnded = 30 * 24 * time.Hour
	// maintainBatch bounds one statement of Maintain.
	maintainBatch = 500
)

// Maintain seals anew what an old key sealed, so that JWT_SECRET_PREVIOUS can be taken out one day, and forgets what
// ended long ago. To be run every minute or hour, in one process at a time; repeating it is cheap and harmless.
func (s *Service) Maintain(ctx context.Context) error {
	if err := s.reseal(ctx); err != nil {
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
