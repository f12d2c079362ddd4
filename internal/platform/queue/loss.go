package queue

import (
	"context"
	"fmt"

	"github.com/gomodule/redigo/redis"
)

// The two values of the key that shows whether Redis still has what was pushed. When Redis is emptied, by FLUSHALL or by a
// restart without persistence, the key is lost with everything else.
const (
	contentLost = "lost"
	contentKept = "kept"
)

// Lost reports whether Redis was emptied since the last [Queue.Restored], or was never filled. It returns true until
// Restored is called, so that after a caller has died half-way the next one starts again.
//
// A caller that misses no task calls Lost, pushes every waiting task, then calls Restored. One process at a time may do so.
func (q *Queue) Lost(ctx context.Context) (bool, error) {
	if _, err := q.do(ctx, "SET", q.keys.content(), contentLost, "NX"); err != nil {
		return false, fmt.Errorf("mark lost queue: %w", err)
	}
	content, err := redis.String(q.do(ctx, "GET", q.keys.content()))
	if err != nil {
		return false, fmt.Errorf("read mark of lost queue: %w", err)
	}
	return content != contentKept, nil
}

// Restored records that every waiting task has been pushed since [Queue.Lost] returned true. Where Redis was emptied again
// in between, Restored changes nothing and Lost still returns true.
func (q *Queue) Restored(ctx context.Context) error {
	if _, err := q.do(ctx, "SET", q.keys.content(), contentKept, "XX"); err != nil {
		return fmt.Errorf("mark restored queue: %w", err)
	}
	return nil
}
