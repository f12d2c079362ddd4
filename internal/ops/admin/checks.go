package admin

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Checks exports the metric mugshot_ready: whether each dependency of the process answers, asked at each scrape.
type Checks struct {
	checks map[string]func(context.Context) error
	ready  *prometheus.Desc
}

// NewChecks returns a collector of checks by their names.
func NewChecks(checks map[string]func(context.Context) error) *Checks {
	return &Checks{checks: checks, ready: prometheus.NewDesc("mugshot_ready",
		"1: what the process stands on is there.", []string{"check"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *Checks) Describe(to chan<- *prometheus.Desc) { to <- c.ready }

// Collect implements prometheus.Collector.
func (c *Checks) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	var all sync.WaitGroup
	for name, check := range c.checks {
		all.Go(func() {
			value := 1.0
			if check(ctx) != nil {
				value = 0
			}
			to <- prometheus.MustNewConstMetric(c.ready, prometheus.GaugeValue, value, name)
		})
	}
	all.Wait()
}
