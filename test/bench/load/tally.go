package load

import (
	"sync"
	"time"
)

// Tally is what one run gave.
type Tally struct {
	Took     []time.Duration    // of each success
	Failures []error            // the first of them; all are counted in Failed
	Failed   int                // how many did not succeed
	Wall     time.Duration      // of what was measured
	Work     int                // what the costs of the run are divided by: requests, jobs or events
	More     map[string]float64 // what only this kind of load has, by the name of the metric
}

const keptFailures = 5

// collector gathers a Tally from many goroutines.
type collector struct {
	mu    sync.Mutex
	tally Tally
}

func (c *collector) add(took ...time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.Took = append(c.tally.Took, took...)
}

func (c *collector) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.Failed++
	if len(c.tally.Failures) < keptFailures {
		c.tally.Failures = append(c.tally.Failures, err)
	}
}

// since returns what was added after the first n.
func (c *collector) since(n int) []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tally.Took[n:len(c.tally.Took):len(c.tally.Took)]
}

// Bracket is called when what is measured begins and ends, so that warm-up and tidying up are not counted.
type Bracket struct{ Begin, End func() }
