// Package load generates the load of many clients from few goroutines and at little cost: it shares the cores with the servers
// that it measures. It sends to loopback addresses only. [Closed] is a closed loop, [Jobs] queues jobs and waits for their end,
// [Drain] watches workers on waiting jobs, and [Streams] opens event streams.
package load

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Closed is a closed loop: each connection sends its next request when the answer to the last one is there.
type Closed struct {
	Addr    string
	Request Request
	Users   []Vars // each belongs to one connection, so that its next request can use what the last one captured
	Conns   int
	WarmUp  time.Duration
	For     time.Duration // how long to measure, after the warm-up
}

// pauseAfterFailure bounds the requests to a server that refuses all of them.
const pauseAfterFailure = 10 * time.Millisecond

// Run drives the server and returns what was measured.
func (l Closed) Run(ctx context.Context, bracket Bracket) (Tally, error) {
	if err := checkLoopback(l.Addr); err != nil {
		return Tally{}, err
	}
	var measuring, over atomic.Bool
	var all recorder
	var connections sync.WaitGroup
	for k := range l.Conns {
		connections.Go(func() {
			c := &client{addr: l.Addr}
			defer c.close()
			var own []time.Duration
			for u := k; !over.Load(); u += l.Conns {
				if u >= len(l.Users) {
					u = k % len(l.Users)
				}
				took, err := c.do(ctx, l.Request, l.Users[u])
				switch {
				case err != nil && !over.Load():
					all.fail(err)
					time.Sleep(pauseAfterFailure)
				case err == nil && measuring.Load() && !over.Load():
					own = append(own, took)
				}
			}
			all.add(own...)
		})
	}
	sleep(ctx, l.WarmUp)
	bracket.Begin()
	begun := time.Now()
	measuring.Store(true)
	sleep(ctx, l.For)
	over.Store(true)
	wall := time.Since(begun)
	bracket.End()
	connections.Wait()
	all.tally.Wall, all.tally.Work = wall, len(all.tally.Took)
	return all.tally, ctx.Err()
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
