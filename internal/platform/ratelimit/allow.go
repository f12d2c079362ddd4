package ratelimit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// Limit allows a subject Requests in any Period. The subject may spend them all at once; they come back one at a time, evenly
// over the Period.
type Limit struct {
	Class    string // what is done, such as "signin"; classes are counted separately
	Subject  Subject
	Requests int           // at least 1
	Period   time.Duration // at least a microsecond for each request
}

// Result is the decision, and the state of the strictest limit.
type Result struct {
	Allowed    bool
	Limit      int           // the strictest limit's Requests
	Remaining  int           // how many more would be allowed right now
	Reset      time.Duration // until the limit is unused again
	RetryAfter time.Duration // until the next request will be allowed; 0 if this one was
}

// Allow charges one request to every limit, or to none if one of them refuses. Without limits it allows the request. It
// returns [apperr.ErrUnavailable] when Redis is away, and another error for a limit out of range.
//
// The algorithm is the generic cell rate algorithm (ITU-T I.371), a leaky bucket that stores one time for each limit.
func (c *Counters) Allow(ctx context.Context, limits ...Limit) (Result, error) {
	if len(limits) == 0 {
		return Result{Allowed: true}, nil
	}
	input := decision{len(limits)}
	for _, l := range limits {
		if l.Requests < 1 || l.Period < time.Duration(l.Requests)*time.Microsecond {
			return Result{}, fmt.Errorf("rate limit %s out of range: %d in %s", l.Class, l.Requests, l.Period)
		}
		input = append(input, c.key("limit:"+l.Class, l.Subject))
	}
	for _, l := range limits {
		input = append(input, l.Requests, l.Period.Microseconds()/int64(l.Requests))
	}
	// Not cut short with ctx, for the reason that Counters.run gives.
	reply, err := c.allows.Call(context.WithoutCancel(ctx), input)
	if err != nil {
		return Result{}, unavailable(err)
	}
	return Result{
		Allowed: reply[0] == 1, Limit: limits[reply[1]-1].Requests, Remaining: int(reply[2]),
		Reset: time.Duration(reply[3]) * time.Microsecond, RetryAfter: time.Duration(reply[4]) * time.Microsecond,
	}, nil
}

// decision is the input of allow.lua: the number of keys, the keys, the arguments.
type decision []any

// decide makes the decisions of a batch in one round trip. It sends those again that Redis refused because it did not have
// the script yet.
func (c *Counters) decide(ctx context.Context, batch []decision) ([][]int64, error) {
	replies := make([][]int64, len(batch))
	err := redisconn.Do(ctx, c.pool, func(conn redis.Conn) error {
		answers, err := pipeline(ctx, conn, batch, c.scripts.allow.SendHash)
		if err != nil {
			return err
		}
		var unknown []int
		for i, answer := range answers {
			if e, ok := answer.(redis.Error); ok && strings.HasPrefix(string(e), "NOSCRIPT ") {
				unknown = append(unknown, i)
			}
		}
		if len(unknown) > 0 {
			again := make([]decision, len(unknown))
			for i, at := range unknown {
				again[i] = batch[at]
			}
			more, err := pipeline(ctx, conn, again, c.scripts.allow.Send)
			if err != nil {
				return err
			}
			for i, at := range unknown {
				answers[at] = more[i]
			}
		}
		for i, answer := range answers {
			if replies[i], err = redis.Int64s(answer, nil); err != nil {
				return err
			}
		}
		return nil
	})
	return replies, err
}

// pipeline sends the decisions of a batch and returns as many answers, some of which may be a [redis.Error].
func pipeline(
	ctx context.Context, conn redis.Conn, batch []decision, send func(redis.Conn, ...any) error,
) ([]any, error) {
	for _, d := range batch {
		if err := send(conn, d...); err != nil {
			return nil, err
		}
	}
	return redis.Values(redisconn.Await(ctx, conn, ""))
}
