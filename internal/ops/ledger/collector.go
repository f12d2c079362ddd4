package ledger

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// freshFor is how long a result is exported. The sweeper checks each minute, and one process at a time is the sweeper: a
// process whose result is older has stopped being it, and another one exports.
const freshFor = 3 * time.Minute

// Collector exports the last result of a check as the metric mugshot_books_broken. It implements [prometheus.Collector].
type Collector struct {
	check      func(ctx context.Context) (Violations, error)
	now        func() time.Time
	last       atomic.Pointer[result]
	violations *prometheus.Desc
}

// result is what a check found, and when.
type result struct {
	Violations

	at time.Time
}

// NewCollector returns a Collector of what check finds, such as [Checker.CheckNewest].
func NewCollector(check func(ctx context.Context) (Violations, error), now func() time.Time) *Collector {
	return &Collector{check: check, now: now, violations: prometheus.NewDesc("mugshot_books_broken",
		"Newest jobs that were not charged and refunded as they should be, and their owners whose balance is not what their ledger says.",
		[]string{"what"}, nil)}
}

// Check checks once, and keeps the result for the metrics. It is a chore of the sweeper, so that one process does it.
func (c *Collector) Check(ctx context.Context) error {
	found, err := c.check(ctx)
	if err != nil {
		return err
	}
	c.last.Store(&result{Violations: found, at: c.now()})
	return nil
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(to chan<- *prometheus.Desc) { to <- c.violations }

// Collect implements prometheus.Collector. It exports nothing where this process has no fresh result.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	last := c.last.Load()
	if last == nil || c.now().Sub(last.at) > freshFor {
		return
	}
	to <- prometheus.MustNewConstMetric(c.violations, prometheus.GaugeValue, float64(last.Jobs), "jobs")
	to <- prometheus.MustNewConstMetric(c.violations, prometheus.GaugeValue, float64(last.Accounts), "accounts")
}
