package idempotency

import (
	"context"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// expireBatch is how many keys one [Expire] deletes at most.
const expireBatch = 1000

// Expire deletes keys whose [Lifetime] is over, at most a thousand at a time. The sweeper calls it.
func Expire(ctx context.Context, s *postgres.Store, now time.Time) error {
	if _, err := s.Queries().IdempotencyExpire(ctx, db.IdempotencyExpireParams{Now: now, Batch: expireBatch}); err != nil {
		return fmt.Errorf("expire idempotency keys: %w", err)
	}
	return nil
}
