package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// OpenBreaker tells all processes that the breaker of a name is open for d, which is at least a millisecond. A later call
// replaces the time of an earlier one. It returns [apperr.ErrUnavailable] when Redis is away, as do [Counters.CloseBreaker] and
// [Counters.BreakersOpenFor].
func (c *Counters) OpenBreaker(ctx context.Context, name string, d time.Duration) error {
	return c.do(ctx, func(ctx context.Context, conn redis.Conn) error {
		_, err := redis.DoContext(conn, ctx, "SET", c.key("rest", Vendor(name)), 1, "PX", max(1, d.Milliseconds()))
		return err
	})
}

// CloseBreaker tells all processes that the breaker of a name is closed, before its time is over. A breaker that is closed
// already is no error.
func (c *Counters) CloseBreaker(ctx context.Context, name string) error {
	return c.do(ctx, func(ctx context.Context, conn redis.Conn) error {
		_, err := redis.DoContext(conn, ctx, "DEL", c.key("rest", Vendor(name)))
		return err
	})
}

// BreakersOpenFor returns how much longer the breaker of each name stays open, in the order of the names; 0: it is closed.
func (c *Counters) BreakersOpenFor(ctx context.Context, names ...string) (left []time.Duration, err error) {
	err = c.do(ctx, func(ctx context.Context, conn redis.Conn) error {
		left = make([]time.Duration, len(names))
		for i, name := range names {
			milliseconds, err := redis.Int64(redis.DoContext(conn, ctx, "PTTL", c.key("rest", Vendor(name))))
			if err != nil {
				return err
			}
			left[i] = time.Duration(max(0, milliseconds)) * time.Millisecond // negative: there is no such key
		}
		return nil
	})
	return left, err
}

// do sends commands to Redis within Config.Timeout. It is not cut short with ctx, for the reason that [Counters.run] gives.
func (c *Counters) do(ctx context.Context, commands func(context.Context, redis.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Timeout)
	defer cancel()
	err := redisconn.Do(ctx, c.pool, func(conn redis.Conn) error { return commands(ctx, conn) })
	if err != nil {
		return apperr.ErrUnavailable.With(fmt.Errorf("share breakers in redis: %w", err)).WithRetryAfter(unavailableRetryAfter)
	}
	return nil
}
