package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// deadAfter is how long a pool may go without a heartbeat (one every 5 s) before it counts as dead. It leaves room for
// clocks that differ, since a heartbeat has the time of the worker's clock. If a living pool is taken for dead, its latest
// task runs twice, and its next heartbeat registers it again.
const deadAfter = time.Minute

// scanPage is how many keys one SCAN of [Queue.Sweep] looks at.
const scanPage = 1000

// releaseScript returns the tasks that a dead pool has fetched and not finished to the kind's list, and takes the pool's
// share off the kind's lock. It returns the number of tasks.
//
// KEYS: the pool's list in progress, the kind's list, the kind's lock, the holders of the lock. ARGV: the pool.
const releaseScript = `
local returned = 0
while redis.call('rpoplpush', KEYS[1], KEYS[2]) do
  returned = returned + 1
end
local held = tonumber(redis.call('hget', KEYS[4], ARGV[1]) or 0)
if held > 0 then
  redis.call('decrby', KEYS[3], held)
end
redis.call('hdel', KEYS[4], ARGV[1])
return returned
`

// Sweep removes what gocraft/work leaves behind in Redis: the tasks, locks and heartbeats of killed pools, which the
// library's own reaper finds only after 10 minutes, and the tasks that a lost connection left on the list of a pool which
// later stopped in good order, which the reaper never finds. It returns the tasks to their lists, and their number to the
// caller. Any number of processes may call it at once, each about once a minute and not more often: it scans all keys of
// the Redis database, a thousand at a time.
func (q *Queue) Sweep(ctx context.Context) (returned int, err error) {
	pools, err := q.deadPools(ctx)
	if err != nil {
		return 0, fmt.Errorf("find dead pools: %w", err)
	}
	for pool := range pools {
		n, err := q.releasePool(ctx, pool)
		returned += n
		if err != nil {
			return returned, fmt.Errorf("bury dead pool: %w", err)
		}
	}
	known := redis.Args{}.Add(q.keys.knownKinds()).AddFlat(Kinds()) // the web UI shows these; they are lost when Redis is emptied
	if _, err := q.do(ctx, "SADD", known...); err != nil {
		return returned, fmt.Errorf("name the kinds: %w", err)
	}
	return returned, nil
}

// releasePool returns a dead pool's tasks to their lists, rings the doorbell for them, and removes the pool.
func (q *Queue) releasePool(ctx context.Context, pool string) (returned int, err error) {
	for _, kind := range Kinds() {
		n, err := q.release(ctx, kind, pool)
		if err != nil {
			return returned, err
		}
		if n > 0 {
			returned += n
			if _, err := q.do(ctx, "PUBLISH", q.keys.bell(), string(kind)); err != nil {
				return returned, err
			}
		}
	}
	if _, err := q.do(ctx, "DEL", q.keys.heartbeat(pool)); err != nil {
		return returned, err
	}
	_, err = q.do(ctx, "SREM", q.keys.pools(), pool)
	return returned, err
}

// release runs releaseScript for one kind.
func (q *Queue) release(ctx context.Context, kind Kind, pool string) (returned int, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.cfg.CallTimeout)
	defer cancel()
	err = redisconn.Do(ctx, q.pool, func(conn redis.Conn) error {
		returned, err = redis.Int(redis.NewScript(4, releaseScript).DoContext(ctx, conn,
			q.keys.inProgress(kind, pool), q.keys.list(kind), q.keys.lock(kind), q.keys.holders(kind), pool))
		return err
	})
	return returned, err
}

// deadPools returns the ids of all pools that appear in any key and have no fresh heartbeat.
func (q *Queue) deadPools(ctx context.Context) (map[string]struct{}, error) {
	pools := map[string]struct{}{}
	sources := []func() ([]string, error){
		func() ([]string, error) { return redis.Strings(q.do(ctx, "SMEMBERS", q.keys.pools())) },
		func() ([]string, error) { return q.poolsInProgress(ctx) },
	}
	for _, kind := range Kinds() {
		sources = append(sources, func() ([]string, error) { return redis.Strings(q.do(ctx, "HKEYS", q.keys.holders(kind))) })
	}
	for _, source := range sources {
		ids, err := source()
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			pools[id] = struct{}{}
		}
	}
	for id := range pools {
		beat, err := redis.Int64(q.do(ctx, "HGET", q.keys.heartbeat(id), "heartbeat_at"))
		switch {
		case errors.Is(err, redis.ErrNil): // no heartbeat: dead
		case err != nil:
			return nil, err
		case q.cfg.Now().Sub(time.Unix(beat, 0)) < deadAfter:
			delete(pools, id)
		}
	}
	return pools, nil
}

// poolsInProgress returns the ids of the pools that have fetched a task and not finished it. An id may occur twice.
func (q *Queue) poolsInProgress(ctx context.Context) ([]string, error) {
	var ids []string
	for cursor := "0"; ; {
		page, err := redis.Values(q.do(ctx, "SCAN", cursor, "MATCH", q.keys.inProgress("*", "*"), "COUNT", scanPage))
		if err != nil {
			return nil, err
		}
		var found []string
		if _, err := redis.Scan(page, &cursor, &found); err != nil {
			return nil, fmt.Errorf("read page of keys: %w", err)
		}
		for _, key := range found {
			if parts := strings.Split(key, ":"); len(parts) > 1 {
				ids = append(ids, parts[len(parts)-2])
			}
		}
		if cursor == "0" {
			return ids, nil
		}
	}
}
