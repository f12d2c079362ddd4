package admin

import (
	"net/http"
	"net/http/pprof"
	"runtime"
	"sync"
)

// Rates while a request for a profile is under way (runtime.SetBlockProfileRate, in nanoseconds, and SetMutexProfileFraction, one in so many):
// waits of a tenth of a millisecond are all counted, and shorter ones in proportion.
const (
	blockRate     = 100_000
	mutexFraction = 10
)

// blocking serves the profiles of waiting (block, mutex). Gathering them costs every wait in the process a little, so it
// happens only while a request for one is under way. The request says for how long, as in ?seconds=10.
type blocking struct {
	mu      sync.Mutex
	looking int
}

func (b *blocking) handler(profile string) http.Handler {
	h := pprof.Handler(profile)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.look(1)
		defer b.look(-1)
		h.ServeHTTP(w, r)
	})
}

func (b *blocking) look(change int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.looking += change
	if b.looking > 0 {
		runtime.SetBlockProfileRate(blockRate)
		runtime.SetMutexProfileFraction(mutexFraction)
		return
	}
	runtime.SetBlockProfileRate(0)
	runtime.SetMutexProfileFraction(0)
}
