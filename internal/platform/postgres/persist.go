package postgres

import (
	"context"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// Persist repeats a write, until ctx ends, while Postgres is away or where the write was the victim of a deadlock, and
// returns what it failed with in the end. The write must be fenced, so that a repeat after a lost answer finds no row.
func Persist(ctx context.Context, write func() error) error {
	for wait := 50 * time.Millisecond; ; wait *= 2 {
		err := write()
		if err == nil || apperr.From(err).Kind != apperr.Unavailable && !IsRetryable(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}
