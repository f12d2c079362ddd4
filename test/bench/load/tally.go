package load

import (
	"sync"
	"time"
)

// Tally is the result of one run.
type Tally struct {
	Took     []time.Duration    // of each success
	Failures []error            // the first of them; all are counted in Failed
	Failed   int                // how many did not succeed
	Wall     time.Duration      // length of the measured part
	Work     int                // requests, jobs or events, by which the costs of the run are divided
	More     map[string]float64 // metrics that only this kind of load has, by name
}

const keptFailures = 5

// recorder gathers a [Tally] from many goroutines.
type recorder struct {
	mu    sync.Mutex
	tally Tally
}

func (c *recorder) add(took ...time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.Took = append(c.tally.Took, took...)
}

func (c *recorder) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.Failed++
	if len(c.tally.Failures) < keptFailures {
		c.tally.Failures = append(c.tally.Failures, err)
	}
}

// since returns what was added after the first n.
func (c *recorder) since(n int) []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tally.Took[n:len(c.tally.Took):len(c.tally.Took)]
}

// Bracket is called when the measured part begins and ends, so that warm-up and clean-up are not counted.
type Bracket struct{ Begin, End func() }
