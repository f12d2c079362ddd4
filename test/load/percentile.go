package load

import (
	"slices"
	"time"
)

// Percentile returns the smallest of some durations that is at least as long as p per cent of them, or 0 of none.
func Percentile(durations []time.Duration, p int) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
