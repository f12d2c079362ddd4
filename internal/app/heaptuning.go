package app

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"

	"github.com/mugshot-studio/backend/internal/platform/config"
)

// minHeap is what the heap of an API may grow to before it is collected, in bytes. A process that holds next to nothing
// would otherwise collect its few megabytes many times a second.
const minHeap = 24 << 20

// defaultPercent is Go's own default of GOGC.
const defaultPercent = 100

// setMinHeap sets GOGC after each collection, so that the next one comes when the heap is as large as room, or, as ever,
// twice as large as what is alive: a heap that is large by itself costs no more memory than before. A memory limit holds
// all the same, and where GOGC is set it does nothing. Go itself has no setting for a least heap.
func setMinHeap(room uint64) (stop func()) {
	if config.GOGCIsSet() {
		return func() {}
	}
	r := &heapTuner{minHeap: room, percent: defaultPercent}
	r.adjust()
	return r.stop
}

type heapTuner struct {
	minHeap uint64

	mu      sync.Mutex
	percent int
	stopped bool
}

// adjust goes by the collection that has just ended, and has itself called after the next.
func (r *heapTuner) adjust() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return
	}
	seen := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(seen)
	r.set(percentFor(r.minHeap, seen[0].Value.Uint64(), seen[1].Value.Uint64()+seen[2].Value.Uint64()))
	sentinel := new(*heapTuner)
	runtime.AddCleanup(sentinel, (*heapTuner).adjust, r)
}

// set leaves small changes alone, since each stops the world for a moment.
func (r *heapTuner) set(percent int) {
	if change := percent - r.percent; change > r.percent/10 || -change > r.percent/10 || percent == defaultPercent {
		if percent != r.percent {
			debug.SetGCPercent(percent)
			r.percent = percent
		}
	}
}

func (r *heapTuner) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.set(defaultPercent)
}

// percentFor is the GOGC with which a heap grows to room: it grows by so much of what is alive and of the roots
// (https://go.dev/doc/gc-guide#GOGC).
func percentFor(room, alive, roots uint64) int {
	if alive+roots == 0 || alive >= room {
		return defaultPercent
	}
	return max(defaultPercent, int((room-alive)*100/(alive+roots)))
}
