package queue

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/queue/redisconn"
)

// pushBatch bounds one command to some 100 kB, so that a long refill doesn't hold up Redis for others.
const pushBatch = 1000

// Push puts one task on its list and rings for it. It takes one round trip, and Config.CallTimeout at most. An error
// means that the task may be missing from the list, for the sweeper to push again; it is no reason to fail the request
// that made the task.
func (q *Queue) Push(ctx context.Context, kind Kind, id uuid.UUID) error {
	return q.PushAll(ctx, kind, []uuid.UUID{id})
}

// PushAll is Push for many tasks of one kind, in round trips of a thousand. After an error some of them may be on the
// list and others not.
func (q *Queue) PushAll(ctx context.Context, kind Kind, ids []uuid.UUID) error {
	for batch := range slices.Chunk(ids, pushBatch) {
		if err := q.push(ctx, kind, batch); err != nil {
			return fmt.Errorf("push %s task: %w", kind, err)
		}
	}
	return nil
}

func (q *Queue) push(ctx context.Context, kind Kind, ids []uuid.UUID) error {
	args := make(redis.Args, 0, 1+len(ids)).Add(q.keys.list(kind))
	for _, id := range ids {
		message, err := encode(kind, id, q.cfg.Now())
		if err != nil {
			return err
		}
		args = args.Add(message)
	}
	ctx, cancel := context.WithTimeout(ctx, q.cfg.CallTimeout)
	defer cancel()
	return redisconn.Do(ctx, q.pool, func(conn redis.Conn) error {
		if err := conn.Send("LPUSH", args...); err != nil {
			return err
		}
		_, err := redis.DoContext(conn, ctx, "PUBLISH", q.keys.bell(), string(kind)) // reports a failed LPUSH too
		return err
	})
}
