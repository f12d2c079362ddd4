package queue_test

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

func TestConsumers_surviveRestartsOfRedis(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	log := &journal{}
	q := open(t, at(redis.URL()), log.logger())
	got := newInbox()
	c := consume(t, q, generate(4, got.handle))
	for range 3 {
		id := uuid.New()
		require.NoError(t, q.Push(t.Context(), queue.Generate, id))
		require.Equal(t, id, got.next(t))
		redis.Kill()
		eventually(t, func() bool { return c.Healthy(t.Context()) != nil }, "unhealthy")
		require.Error(t, q.Push(t.Context(), queue.Generate, uuid.New()))
		time.Sleep(300 * time.Millisecond) // an outage during which gocraft/work would print dozens of lines
		restart(t, redis)
		eventually(t, func() bool { return c.Healthy(t.Context()) == nil }, "healthy again")
	}
	require.LessOrEqual(t, log.count("level="), 60, "an outage takes a few log lines")
	require.Equal(t, 3, log.count("redis subscription lost"))
	require.Equal(t, 3, log.count("redis subscription restored"))
}

func TestConsumers_startBeforeRedis(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	redis.Kill()
	q := open(t, at(redis.URL()), silent())
	got := newInbox()
	consume(t, q, generate(1, got.handle))
	restart(t, redis)
	id := uuid.New()
	require.NoError(t, q.Push(t.Context(), queue.Generate, id))
	require.Equal(t, id, got.next(t))
}

func TestConsumers_surviveAFlushOfRedis(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	q := open(t, at(redis.URL()), silent())
	got := newInbox()
	consume(t, q, generate(1, got.handle))
	for range 3 {
		command(t, redis.URL(), "FLUSHALL")
		id := uuid.New()
		require.NoError(t, q.Push(t.Context(), queue.Generate, id))
		require.Equal(t, id, got.next(t))
	}
}

// gocraft/work leaves three things behind: a killed pool, a task that a lost connection left on the list of a pool which
// then stopped, and the entry of a pool that stopped in good order in the holders of the lock.
func TestQueue_sweepsWhatDeadPoolsLeft(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	q := open(t, cfg, silent())
	do := func(name string, args ...any) any { return command(t, cfg.RedisURL, name, args...) }
	list, pools := cfg.Namespace+":jobs:generate", cfg.Namespace+":worker_pools"
	got := newInbox()
	consume(t, q, generate(1, got.handle))
	first := uuid.New()
	require.NoError(t, q.Push(t.Context(), queue.Generate, first))
	require.Equal(t, first, got.next(t))
	eventually(t, func() bool { return do("SCARD", pools) == int64(1) }, "the first heartbeat")

	killed, stopped := uuid.New(), uuid.New()
	message := func(id uuid.UUID) string {
		text, err := json.Marshal(map[string]any{"name": "generate", "id": id, "t": 1, "args": nil})
		require.NoError(t, err)
		return string(text)
	}
	do("LPUSH", list+":aaaa:inprogress", message(killed))
	do("SADD", pools, "aaaa")
	do("HSET", pools+":aaaa", "heartbeat_at", strconv.FormatInt(time.Now().Add(-2*time.Minute).Unix(), 10))
	do("LPUSH", list+":bbbb:inprogress", message(stopped))
	do("HSET", list+":lock_info", "aaaa", "1", "bbbb", "1", "cccc", "0")
	do("INCRBY", list+":lock", "2")
	do("DEL", cfg.Namespace+":known_jobs")

	n, err := q.Sweep(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.ElementsMatch(t, []uuid.UUID{killed, stopped}, []uuid.UUID{got.next(t), got.next(t)})

	n, err = q.Sweep(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
	require.EqualValues(t, 1, do("SCARD", pools), "the living one")
	require.EqualValues(t, 1, do("HLEN", list+":lock_info"))
	require.EqualValues(t, 3, do("SCARD", cfg.Namespace+":known_jobs"))
	require.EqualValues(t, 0, do("EXISTS", pools+":aaaa", list+":aaaa:inprogress", list+":bbbb:inprogress"))
}

func TestQueue_sweepFailsWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	_, err := open(t, at("redis://"+refusingAddress(t)), silent()).Sweep(t.Context())
	require.Error(t, err)
}
