package task

import (
	"math/rand/v2"
	"time"
)

// FullJitter returns the back-off of a [Policy] that is exponential with full jitter: a random time between 0 and base
// doubled with each attempt, at most ceiling. See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
func FullJitter(base, ceiling time.Duration) func(attempt int32) time.Duration {
	return func(attempt int32) time.Duration {
		limit := base
		for n := int32(1); n < attempt && limit < ceiling; n++ {
			limit *= 2
		}
		return rand.N(min(limit, ceiling))
	}
}
