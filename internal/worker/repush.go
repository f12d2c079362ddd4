package worker

import (
	"context"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

// RepushAfter is how long after the first push of a row's id the sweeper pushes it again, as things stand in Redis; each
// further push comes twice as late as the one before.
func RepushAfter(ctx context.Context, q Transport, kind queue.Kind) (time.Duration, error) {
	oldest, waits, err := q.Oldest(ctx, kind)
	switch {
	case err != nil:
		return 0, err
	case !waits:
		return repushAfterWhenEmpty, nil
	default:
		return repushAfter + oldest, nil
	}
}
