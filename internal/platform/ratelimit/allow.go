package ratelimit

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"

	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

// Limit allows a subject Requests in any Period, all at once if it likes; they come back one by one, evenly.
type Limit struct {
	Class    string // what is being done, as in "signin"; each class counts for itself
	Subject  Subject
	Requests int           // at least 1
	Period   time.Duration // at least a microsecond for each request
}

// Result is the answer of the strictest of the limits.
type Result struct {
	Allowed    bool
	Limit      int           // its Requests
	Remaining  int           // how many more would be allowed right now
	Reset      time.Duration // until it is unused again
	RetryAfter time.Duration // until the next request is allowed; 0 if this one was
}

// Allow charges one request to every limit, or to none if one of them refuses. It is the generic cell rate algorithm
// (ITU-T I.371), a leaky bucket that stores one moment for each limit. It returns apperr.ErrUnavailable when Redis is
// away. Without limits all is allowed.
func (c *Counters) Allow(ctx context.Context, limits ...Limit) (Result, error) {
	if len(limits) == 0 {
		return Result{Allowed: true}, nil
	}
	asked := decision{len(limits)}
	for _, l := range limits {
		if l.Requests < 1 || l.Period < time.Duration(l.Requests)*time.Microsecond {
			return Result{}, fmt.Errorf("rate limit %s out of range: %d in %s", l.Class, l.Requests, l.Period)
		}
		asked = append(asked, c.key("limit:"+l.Class, l.Subject))
	}
	for _, l := range limits {
		asked = append(asked, l.Requests, l.Period.Microseconds()/int64(l.Requests))
	}
	// Not cut short with ctx, for the reason that run gives.
	reply, err := c.allows.Call(context.WithoutCancel(ctx), asked)
	if err != nil {
		return Result{}, unavailable(err)
	}
	return Result{
		Allowed: reply[0] == 1, Limit: limits[reply[1]-1].Requests, Remaining: int(reply[2]),
		Reset: time.Duration(reply[3]) * time.Microsecond, RetryAfter: time.Duration(reply[4]) * time.Microsecond,
	}, nil
}

// decision is what allow.lua is asked: the number of keys, the keys, the arguments.
type decision []any

// decide asks all of a round in one round trip, and again those that came to a server which did not know the script yet.
func (c *Counters) decide(ctx context.Context, round []decision) ([][]int64, error) {
	replies := make([][]int64, len(round))
	err := redisconn.Do(ctx, c.pool, func(conn redis.Conn) error {
		answers, err := pipeline(ctx, conn, round, c.scripts.allow.SendHash)
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
			for i, place := range unknown {
				again[i] = round[place]
			}
			more, err := pipeline(ctx, conn, again, c.scripts.allow.Send)
			if err != nil {
				return err
			}
			for i, place := range unknown {
				answers[place] = more[i]
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

// pipeline sends all of a round and returns as many answers, some of which may be a redis.Error.
func pipeline(
	ctx context.Context, conn redis.Conn, round []decision, send func(redis.Conn, ...any) error,
) ([]any, error) {
	for _, asked := range round {
		if err := send(conn, asked...); err != nil {
			return nil, err
		}
	}
	return redis.Values(redisconn.Await(ctx, conn, ""))
}
