package queue

import (
	"context"
	"fmt"

	"github.com/gomodule/redigo/redis"
)

// The two values of the key that shows whether Redis still has what was pushed. A Redis that was emptied, by FLUSHALL or
// by a restart without persistence, has lost the key with all the rest.
const (
	contentLost = "lost"
	contentKept = "kept"
)

// Lost reports whether Redis was emptied since the last Restored, or was never filled. It goes on doing so until
// Restored is called, so that a caller that dies halfway is followed by one that begins anew.
//
// The order that misses nothing is: Lost, push everything that waits, Restored. It is for one process at a time.
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

// Restored says that everything that waits has been pushed since Lost was asked. Where Redis was emptied again in
// between, it changes nothing, and Lost will say so.
func (q *Queue) Restored(ctx context.Context) error {
	if _, err := q.do(ctx, "SET", q.keys.content(), contentKept, "XX"); err != nil {
		return fmt.Errorf("mark restored queue: %w", err)
	}
	return nil
}
