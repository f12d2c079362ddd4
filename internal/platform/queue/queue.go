// Package queue carries the ids of tasks from whoever has work to whichever process has room for it, over gocraft/work
// and Redis.
//
// It is a transport and no more: it may lose a task (Redis emptied, a process killed) and may deliver one twice. What
// is to be done, by when, how often it was tried and who holds it stand in Postgres: a handler begins by claiming its
// row there, which makes a repeat harmless, and a sweeper pushes again whatever was lost. That is why a message is an
// id, a push may fail without failing the request, and a handler's error is only logged.
//
// gocraft/work alone notices a task on an idle queue after 0.3 s in the median and 3 s at p99, since each of its workers
// sleeps up to 5 s between looks. Here each kind has one fetcher, which hands every task to a goroutine in one of many
// slots, and a push rings a doorbell (a Redis channel) that wakes the fetchers of the kind in all processes.
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

// Config says where Redis is and how patient callers are. RedisURL alone is required.
type Config struct {
	RedisURL    string           // redis:// or rediss://
	TLS         *tls.Config      // for rediss://; nil for the system's roots
	Namespace   string           // before every key; {mugshot} if empty, in braces so that Redis Cluster keeps the keys together
	CallTimeout time.Duration    // of each round trip to Redis; 500 ms if 0, as API requests wait for Push
	Grace       time.Duration    // for handlers to return once Drain has cancelled them; 5 s if 0
	Now         func() time.Time // time.Now if nil
}

// DefaultNamespace precedes every key of the system in Redis. The braces keep the keys in one slot of a Redis Cluster.
const DefaultNamespace = "{mugshot}"

const (
	defaultCallTimeout = 500 * time.Millisecond
	defaultGrace       = 5 * time.Second
	connections        = 16 // for calls; they wait for each other beyond it
	overlapShare       = 25 // a push waits this part of CallTimeout for the one before it
)

// Queue pushes tasks and, with Consume, runs them. It is safe for use by many goroutines.
type Queue struct {
	cfg      Config
	keys     keys
	endpoint *redisconn.Endpoint
	pool     *redis.Pool
	pushes   coalesce.Batcher[task, struct{}]
	log      *slog.Logger
}

// Open returns a queue. It fails for a URL that can't be right, never because Redis is away: that shows in each call,
// and heals by itself.
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

// Close hangs up. Drain consumers first.
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

// Depth returns how many tasks of a kind wait in Redis. Those that a process has taken are not among them, and one that
// was pushed twice counts twice.
func (q *Queue) Depth(ctx context.Context, kind Kind) (int64, error) {
	n, err := redis.Int64(q.do(ctx, "LLEN", q.keys.list(kind)))
	if err != nil {
		return 0, fmt.Errorf("depth of %s queue: %w", kind, err)
	}
	return n, nil
}

// Oldest returns how long ago the task that is next in turn was pushed, in whole seconds and by this machine's clock, or
// false where none of its kind waits in Redis. Since tasks are taken in the order of their pushes, one that was pushed before
// it and that nobody has taken is not in Redis any more.
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
		return 0, true, nil // not ours, and the fetcher's to complain of
	}
	return max(0, q.cfg.Now().Sub(pushed)), true, nil
}

// do sends one command, which must be harmless when repeated.
func (q *Queue) do(ctx context.Context, command string, args ...any) (reply any, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.cfg.CallTimeout)
	defer cancel()
	err = redisconn.Do(ctx, q.pool, func(conn redis.Conn) error {
		reply, err = redis.DoContext(conn, ctx, command, args...)
		return err
	})
	return reply, err
}
