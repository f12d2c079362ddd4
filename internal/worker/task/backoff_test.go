package task_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/worker/task"
)

func TestFullJitter_staysBelowADoublingCeiling(t *testing.T) {
	t.Parallel()
	backoff := task.FullJitter(2*time.Second, time.Minute)
	for attempt, ceiling := range map[int32]time.Duration{
		1: 2 * time.Second, 2: 4 * time.Second, 5: 32 * time.Second, 6: time.Minute, 60: time.Minute, math.MaxInt32: time.Minute,
	} {
		var longest time.Duration
		for range 1000 {
			delay := backoff(attempt)
			require.Less(t, delay, ceiling)
			require.GreaterOrEqual(t, delay, time.Duration(0))
			longest = max(longest, delay)
		}
		require.Greater(t, longest, ceiling/2, "it spreads over all of the range")
	}
}
