package queue

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomodule/redigo/redis"
	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// pushChunk bounds one command to some 100 kB, so that refilling the queue does not block Redis for other commands.
const pushChunk = 1000

// task is one task to push.
type task struct {
	kind Kind
	id   uuid.UUID
}

// Push puts one task on its kind's list and rings the doorbell. It takes one round trip, which it shares with the pushes
// that come at the same time, and Config.CallTimeout at most. An error means that the task may be missing from the list;
// then the sweeper pushes it again, so the caller logs the error and does not fail the request that created the task.
func (q *Queue) Push(ctx context.Context, kind Kind, id uuid.UUID) error {
	if _, err := q.pushes.Call(ctx, task{kind, id}); err != nil {
		return fmt.Errorf("push %s task: %w", kind, err)
	}
	return nil
}

// pushBatch pushes tasks of any kinds in one round trip.
func (q *Queue) pushBatch(ctx context.Context, tasks []task) ([]struct{}, error) {
	lists := map[Kind][]uuid.UUID{}
	for _, t := range tasks {
		lists[t.kind] = append(lists[t.kind], t.id)
	}
	return make([]struct{}, len(tasks)), q.push(ctx, lists)
}

// PushAll pushes many tasks of one kind, a thousand in each round trip. After an error some of them may be on the list and
// others not.
func (q *Queue) PushAll(ctx context.Context, kind Kind, ids []uuid.UUID) error {
	for batch := range slices.Chunk(ids, pushChunk) {
		if err := q.push(ctx, map[Kind][]uuid.UUID{kind: batch}); err != nil {
			return fmt.Errorf("push %s task: %w", kind, err)
		}
	}
	return nil
}

// push puts tasks on the lists of their kinds, and rings the doorbell once for each kind.
func (q *Queue) push(ctx context.Context, lists map[Kind][]uuid.UUID) error {
	pushes := make([]redis.Args, 0, len(lists))
	rings := make([]redis.Args, 0, len(lists))
	for kind, ids := range lists {
		args := make(redis.Args, 0, 1+len(ids)).Add(q.keys.list(kind))
		for _, id := range ids {
			message, err := encode(kind, id, q.cfg.Now())
			if err != nil {
				return err
			}
			args = args.Add(message)
		}
		pushes, rings = append(pushes, args), append(rings, redis.Args{q.keys.bell(), string(kind)})
	}
	ctx, cancel := context.WithTimeout(ctx, q.cfg.CallTimeout)
	defer cancel()
	return redisconn.Do(ctx, q.pool, func(conn redis.Conn) error {
		for _, args := range pushes {
			if err := conn.Send("LPUSH", args...); err != nil {
				return err
			}
		}
		last := len(rings) - 1
		for _, args := range rings[:last] {
			if err := conn.Send("PUBLISH", args...); err != nil {
				return err
			}
		}
		_, err := redisconn.Await(ctx, conn, "PUBLISH", rings[last]...) // reports a failed LPUSH too
		return err
	})
}
