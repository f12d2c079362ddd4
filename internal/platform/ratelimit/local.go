package ratelimit

import (
	"fmt"
	"sync"
	"time"
)

// maxLocal is how many budgets a [Local] remembers, some 100 bytes each.
const maxLocal = 1 << 16

// Local counts requests in this process alone, by the algorithm of [Counters.Allow]. It takes no round trip and works while
// Redis is away; several processes together allow as many times more. It is for limits that hold back floods, and not for
// those that make guessing hopeless. It is safe for concurrent use.
type Local struct {
	now func() time.Time
	max int

	mu    sync.Mutex
	whole map[localKey]int64 // when a budget is unused again, in nanoseconds since 1970; a budget that is not here is unused
}

type localKey struct {
	class string
	Subject
}

// NewLocal returns a Local without memories.
func NewLocal(now func() time.Time) *Local {
	return &Local{now: now, max: maxLocal, whole: map[localKey]int64{}}
}

// Allow is [Counters.Allow], except that a limit that refuses does not give back what the limits before it were charged.
func (l *Local) Allow(limits ...Limit) (Result, error) {
	result := Result{Allowed: true}
	for i, limit := range limits {
		if limit.Requests < 1 || limit.Period < time.Duration(limit.Requests)*time.Microsecond {
			return Result{}, fmt.Errorf("rate limit %s out of range: %d in %s", limit.Class, limit.Requests, limit.Period)
		}
		one := l.take(limit)
		if !one.Allowed {
			return one, nil
		}
		if i == 0 || one.Remaining < result.Remaining {
			result = one
		}
	}
	return result, nil
}

func (l *Local) take(limit Limit) Result {
	key, now := localKey{limit.Class, limit.Subject}, l.now().UnixNano()
	each := limit.Period / time.Duration(limit.Requests)
	l.mu.Lock()
	defer l.mu.Unlock()
	before, known := l.whole[key]
	after := time.Duration(max(before, now)-now) + each // until the budget is unused again, if this request is allowed
	if after > limit.Period {
		return Result{Limit: limit.Requests, Reset: after - each, RetryAfter: after - limit.Period}
	}
	if !known {
		l.makeRoom(now)
	}
	l.whole[key] = now + int64(after)
	return Result{Allowed: true, Limit: limit.Requests, Remaining: int((limit.Period - after) / each), Reset: after}
}

// makeRoom forgets some budgets that are unused, and any one where there is no room otherwise: that one may then be used anew,
// which is better than memory without end. A map's order is by chance, so each is looked at before long.
func (l *Local) makeRoom(now int64) {
	looked := 0
	for key, whole := range l.whole {
		if looked++; whole <= now || len(l.whole) >= l.max {
			delete(l.whole, key)
		}
		if looked == 4 {
			return
		}
	}
}
