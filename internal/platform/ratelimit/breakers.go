package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// OpenBreaker lets all processes know that name is not to be asked for a time, which is at least a millisecond. A later call
// replaces an earlier one.
func (c *Counters) OpenBreaker(ctx context.Context, name string, d time.Duration) error {
	return c.do(ctx, func(ctx context.Context, conn redis.Conn) error {
		_, err := redis.DoContext(conn, ctx, "SET", c.key("rest", Vendor(name)), 1, "PX", max(1, d.Milliseconds()))
		return err
	})
}

// CloseBreaker ends a rest before its time.
func (c *Counters) CloseBreaker(ctx context.Context, name string) error {
	return c.do(ctx, func(ctx context.Context, conn redis.Conn) error {
		_, err := redis.DoContext(conn, ctx, "DEL", c.key("rest", Vendor(name)))
		return err
	})
}

// BreakersOpenFor tells how much longer each of the names rests, in their order; 0: it does not.
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

// do talks to Redis within the time-out of a decision.
func (c *Counters) do(ctx context.Context, talk func(context.Context, redis.Conn) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Timeout)
	defer cancel()
	err := redisconn.Do(ctx, c.pool, func(conn redis.Conn) error { return talk(ctx, conn) })
	if err != nil {
		return apperr.ErrUnavailable.With(fmt.Errorf("note rests in redis: %w", err)).WithRetryAfter(unavailableRetryAfter)
	}
	return nil
}
