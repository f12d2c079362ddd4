package idempotency

import (
	"context"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// expireBatch bounds one Expire.
const expireBatch = 1000

// Expire forgets keys past their time, some at a time.
func Expire(ctx context.Context, s *postgres.Store, now time.Time) error {
	if _, err := s.Queries().IdempotencyExpire(ctx, db.IdempotencyExpireParams{Now: now, Batch: expireBatch}); err != nil {
		return fmt.Errorf("expire idempotency keys: %w", err)
	}
	return nil
}
