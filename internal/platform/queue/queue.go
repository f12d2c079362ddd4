// Package queue carries the ids of tasks from the process that creates a task to a worker that has a free slot for it,
// over gocraft/work and Redis.
//
// It is a transport and no more: it may lose a task (Redis emptied, a process killed) and may deliver one twice. What is
// to be done, by when, how often it was tried and which worker has the lease stand in Postgres. A handler begins by
// claiming its row there, which makes a repeat harmless, and the sweeper pushes lost tasks again. That is why a message is
// only an id, why a failed push does not fail the request, and why a handler's error is only logged.
//
// A task is on its kind's list in Redis until a worker fetches it, then on that worker's list in progress until its handler
// has started and the worker has a slot for the next task; from then on Redis knows nothing of it. [Queue.Sweep] returns
// what dead workers had fetched to the lists, and [Queue.Lost] tells when Redis was emptied.
//
// gocraft/work alone notices a task on an idle queue after 0.3 s in the median and 3 s at p99, since each of its workers
// sleeps up to 5 s before it looks again. Here each kind has one fetcher, which hands every task to a goroutine in one of
// many slots, and a push rings a doorbell (a Redis channel) that wakes the fetchers of the kind in all processes.
package queue

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/platform/coalesce"
	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// Kind names a class of tasks: its list in Redis and, in a worker, its slots.
type Kind string

// The kinds of tasks. An id is that of the row that says what to do.
const (
	Generate Kind = "generate" // draws the thumbnails of a job
	Reply    Kind = "reply"    // writes an AI message of a chat
	Mail     Kind = "mail"     // sends a message of the outbox
)

// Kinds returns every kind.
func Kinds() []Kind { return []Kind{Generate, Reply, Mail} }

// Config says where Redis is and how long calls may take. Only RedisURL is required.
type Config struct {
	RedisURL    string           // redis:// or rediss://
	TLS         *tls.Config      // for rediss://; nil for the system's roots
	Namespace   string           // put before every key; DefaultNamespace if empty
	CallTimeout time.Duration    // of each round trip to Redis; 500 ms if 0, as API requests wait for Push
	Grace       time.Duration    // for handlers to return once Drain has cancelled them; 5 s if 0
	Now         func() time.Time // time.Now if nil
}

// DefaultNamespace precedes every key of the system in Redis. The braces keep the keys in one slot of a Redis Cluster.
const DefaultNamespace = "{mugshot}"

const (
	defaultCallTimeout = 500 * time.Millisecond
	defaultGrace       = 5 * time.Second
	connections        = 16 // for calls; further calls wait for a free one
	overlapShare       = 25 // a push waits 1/25 of CallTimeout for the one before it, then overlaps it
)

// Queue pushes tasks and, with [Queue.Consume], runs them. It is safe for concurrent use.
type Queue struct {
	cfg      Config
	keys     keys
	endpoint *redisconn.Endpoint
	pool     *redis.Pool
	pushes   coalesce.Batcher[task, struct{}]
	log      *slog.Logger
}

// Open returns a queue, without dialling Redis. It fails for a malformed URL, never because Redis is away: then each call
// fails until Redis is back. The caller closes the queue.
func Open(cfg Config, log *slog.Logger) (*Queue, error) {
	endpoint, err := redisconn.Parse(cfg.RedisURL, cfg.TLS)
	if err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	cfg.Namespace = cmp.Or(cfg.Namespace, DefaultNamespace)
	cfg.CallTimeout = cmp.Or(cfg.CallTimeout, defaultCallTimeout)
	cfg.Grace = cmp.Or(cfg.Grace, defaultGrace)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	q := &Queue{
		cfg:      cfg,
		keys:     keys(cfg.Namespace),
		endpoint: endpoint,
		pool:     endpoint.Pool(connections),
		log:      log,
	}
	q.pushes.Send, q.pushes.Timeout, q.pushes.OverlapAfter = q.pushBatch, cfg.CallTimeout, cfg.CallTimeout/overlapShare
	return q, nil
}

// Close closes the connections. The caller drains consumers first, with [Consumers.Drain].
func (q *Queue) Close() error {
	if err := q.pool.Close(); err != nil {
		return fmt.Errorf("close queue: %w", err)
	}
	return nil
}

// Ping reports whether Redis answers.
func (q *Queue) Ping(ctx context.Context) error {
	_, err := q.do(ctx, "PING")
	if err != nil {
		return fmt.Errorf("ping queue: %w", err)
	}
	return nil
}

// Depth returns how many tasks of a kind wait in Redis. Fetched tasks are not counted; a task that was pushed twice counts
// twice.
func (q *Queue) Depth(ctx context.Context, kind Kind) (int64, error) {
	n, err := redis.Int64(q.do(ctx, "LLEN", q.keys.list(kind)))
	if err != nil {
		return 0, fmt.Errorf("depth of %s queue: %w", kind, err)
	}
	return n, nil
}

// Oldest returns how long ago the task that will be fetched next was pushed, in whole seconds by this machine's clock; waits
// is false where no task of the kind waits in Redis. Tasks are fetched in the order in which they were pushed, so a task
// that was pushed earlier and not fetched has been lost.
func (q *Queue) Oldest(ctx context.Context, kind Kind) (age time.Duration, waits bool, err error) {
	message, err := redis.Bytes(q.do(ctx, "LINDEX", q.keys.list(kind), -1))
	if errors.Is(err, redis.ErrNil) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("oldest of %s queue: %w", kind, err)
	}
	pushed, ok := pushedAt(message)
	if !ok {
		return 0, true, nil // not a message of ours; the fetcher logs it
	}
	return max(0, q.cfg.Now().Sub(pushed)), true, nil
}

// do sends one command within Config.CallTimeout. The command must be harmless when repeated; see [redisconn.Do].
func (q *Queue) do(ctx context.Context, command string, args ...any) (reply any, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.cfg.CallTimeout)
	defer cancel()
	err = redisconn.Do(ctx, q.pool, func(conn redis.Conn) error {
		reply, err = redis.DoContext(conn, ctx, command, args...)
		return err
	})
	return reply, err
}
