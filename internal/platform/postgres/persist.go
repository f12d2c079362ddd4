package postgres

import (
	"context"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// Persist repeats a write, until ctx ends, while Postgres is away or where the write lost a deadlock. The pauses double
// from 50 ms. It returns the last error of the write. The write must be conditional on a fencing token, so that a repeat
// after a lost answer finds no row to change.
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
