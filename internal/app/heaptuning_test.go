package app

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What is alive may be half of the heap at least; below room it may be less.
func TestPercentFor(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, c := range []struct{ alive, roots, want uint64 }{
		{0, 0, 100}, {4 * mb, 4 * mb, 350}, {7 * mb, 1 * mb, 312}, {16 * mb, 0, 100}, {20 * mb, 0, 100}, {32 * mb, 0, 100}, {500 * mb, 0, 100},
	} {
		require.EqualValues(t, c.want, percentFor(32*mb, c.alive, c.roots), "%d", c.alive/mb)
	}
}

func gogc() uint64 {
	sample := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

//nolint:paralleltest // it changes what the whole process goes by
func TestSetMinHeap(t *testing.T) {
	t.Setenv("GOGC", "")
	defer debug.SetGCPercent(debug.SetGCPercent(defaultPercent))
	const room = 1 << 30
	stop := setMinHeap(room)
	collected := func(is func(percent uint64) bool) func() bool {
		return func() bool { runtime.GC(); return is(gogc()) }
	}
	roomy := func(percent uint64) bool { return percent > 2*defaultPercent }
	usual := func(percent uint64) bool { return percent == defaultPercent }
	require.Eventually(t, collected(roomy), 10*time.Second, time.Millisecond, "a little heap may grow")
	large := make([]byte, room/2+1<<20)
	require.Eventually(t, collected(usual), 10*time.Second, time.Millisecond, "a large one as ever")
	runtime.KeepAlive(large) // and no longer
	require.Eventually(t, collected(roomy), 10*time.Second, time.Millisecond)
	stop()
	require.True(t, collected(usual)(), "until its end")
}

//nolint:paralleltest // likewise
func TestSetMinHeap_operators_know_better(t *testing.T) {
	t.Setenv("GOGC", "50")
	before := gogc()
	stop := setMinHeap(1 << 30)
	runtime.GC()
	require.Equal(t, before, gogc())
	stop()
	require.Equal(t, before, gogc())
}
