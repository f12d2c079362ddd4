package app

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"

	"github.com/mugshot-studio/backend/internal/platform/config"
)

// roomyHeap is what the heap of an API may grow to before it is collected, in bytes. A process that holds next to nothing
// would otherwise collect its few megabytes many times a second.
const roomyHeap = 24 << 20

// usualPercent is GOGC where nobody sets it.
const usualPercent = 100

// giveRoom sets GOGC after each collection, so that the next one comes when the heap is as large as room, or, as ever,
// twice as large as what is alive: a heap that is large by itself costs no more memory than before. A memory limit holds
// all the same, and where GOGC is set it does nothing. Go itself has no setting for a least heap.
func giveRoom(room uint64) (stop func()) {
	if config.GOGCIsSet() {
		return func() {}
	}
	r := &roomKeeper{room: room, percent: usualPercent}
	r.adjust()
	return r.stop
}

type roomKeeper struct {
	room uint64

	mu      sync.Mutex
	percent int
	over    bool
}

// adjust goes by the collection that has just ended, and has itself called after the next.
func (r *roomKeeper) adjust() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return
	}
	seen := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(seen)
	r.set(percentFor(r.room, seen[0].Value.Uint64(), seen[1].Value.Uint64()+seen[2].Value.Uint64()))
	sentinel := new(*roomKeeper)
	runtime.AddCleanup(sentinel, (*roomKeeper).adjust, r)
}

// set leaves small changes alone, since each stops the world for a moment.
func (r *roomKeeper) set(percent int) {
	if change := percent - r.percent; change > r.percent/10 || -change > r.percent/10 || percent == usualPercent {
		if percent != r.percent {
			debug.SetGCPercent(percent)
			r.percent = percent
		}
	}
}

func (r *roomKeeper) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	r.set(usualPercent)
}

// percentFor is the GOGC with which a heap grows to room: it grows by so much of what is alive and of the roots
// (https://go.dev/doc/gc-guide#GOGC).
func percentFor(room, alive, roots uint64) int {
	if alive+roots == 0 || alive >= room {
		return usualPercent
	}
	return max(usualPercent, int((room-alive)*100/(alive+roots)))
}
