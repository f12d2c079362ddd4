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

// deadAfter is how long a pool may be without a heartbeat (it writes one each 5 s) before it counts as dead. It is wide,
// since the heartbeat bears the time of the worker's clock. A living pool taken for dead would see its latest task run
// twice, and sign on again with its next heartbeat.
const deadAfter = time.Minute

// scanPage is how many keys one step of Sweep's walk looks at.
const scanPage = 1000

// releaseScript gives back what a dead pool has fetched and not finished, and forgets what it held of the kind's lock.
//
// KEYS: its list in progress, the kind's list, the kind's lock, the holders of the lock. ARGV: the pool.
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

// Sweep clears away what gocraft/work leaves behind in Redis: the tasks, locks and heartbeats of pools that were killed,
// which its own reaper finds after 10 minutes, and those that a lost connection left on the list of a pool that later
// stopped in good order, which it never finds. The tasks go back to their lists; Sweep returns their number. It is for
// once a minute or so, in any number of processes, since it walks over all keys of the Redis database, a thousand at a
// time.
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
	known := redis.Args{}.Add(q.keys.knownKinds()).AddFlat(Kinds()) // lost when Redis was emptied; the web UI shows these
	if _, err := q.do(ctx, "SADD", known...); err != nil {
		return returned, fmt.Errorf("name the kinds: %w", err)
	}
	return returned, nil
}

// releasePool gives back what a dead pool held, rings for it, and forgets the pool.
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

// deadPools returns the ids of all pools that left a trace and have no fresh heartbeat.
func (q *Queue) deadPools(ctx context.Context) (map[string]struct{}, error) {
	pools := map[string]struct{}{}
	traces := []func() ([]string, error){
		func() ([]string, error) { return redis.Strings(q.do(ctx, "SMEMBERS", q.keys.pools())) },
		func() ([]string, error) { return q.poolsInProgress(ctx) },
	}
	for _, kind := range Kinds() {
		traces = append(traces, func() ([]string, error) { return redis.Strings(q.do(ctx, "HKEYS", q.keys.holders(kind))) })
	}
	for _, trace := range traces {
		ids, err := trace()
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
		case errors.Is(err, redis.ErrNil): // none: dead
		case err != nil:
			return nil, err
		case q.cfg.Now().Sub(time.Unix(beat, 0)) < deadAfter:
			delete(pools, id)
		}
	}
	return pools, nil
}

// poolsInProgress returns the ids of the pools that have fetched a task and not finished it, some of them twice.
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
