package ratelimit

import (
	"context"
	"fmt"
	"time"
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
	keys, args := make([]string, 0, len(limits)), make([]any, 0, 2*len(limits))
	for _, l := range limits {
		if l.Requests < 1 || l.Period < time.Duration(l.Requests)*time.Microsecond {
			return Result{}, fmt.Errorf("rate limit %s out of range: %d in %s", l.Class, l.Requests, l.Period)
		}
		keys = append(keys, c.key("limit:"+l.Class, l.Subject))
		args = append(args, l.Requests, l.Period.Microseconds()/int64(l.Requests))
	}
	reply, err := c.run(ctx, c.scripts.allow, keys, args...)
	if err != nil {
		return Result{}, err
	}
	return Result{
		Allowed: reply[0] == 1, Limit: limits[reply[1]-1].Requests, Remaining: int(reply[2]),
		Reset: time.Duration(reply[3]) * time.Microsecond, RetryAfter: time.Duration(reply[4]) * time.Microsecond,
	}, nil
}
