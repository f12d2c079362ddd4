package admin

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mugshot-studio/backend/internal/credits"
)

// booksFresh is how long what a look found is told. Whoever looks does so every minute; one that does not any more has
// nothing to tell.
const booksFresh = 3 * time.Minute

// Books is how much of the books is broken, as metrics, told by the process that looks.
type Books struct {
	look   func(ctx context.Context) (credits.Broken, error)
	now    func() time.Time
	found  atomic.Pointer[finding]
	broken *prometheus.Desc
}

// finding is what a look found, and when.
type finding struct {
	credits.Broken

	at time.Time
}

// NewBooks returns a collector of what look finds.
func NewBooks(look func(ctx context.Context) (credits.Broken, error), now func() time.Time) *Books {
	return &Books{look: look, now: now, broken: prometheus.NewDesc("mugshot_books_broken",
		"Newest jobs that were not charged and refunded as they should be, and their owners whose balance is not what their ledger says.",
		[]string{"what"}, nil)}
}

// Look looks once, and keeps what it finds for the metrics. It is a chore of the sweeper, so that one process does it.
func (b *Books) Look(ctx context.Context) error {
	broken, err := b.look(ctx)
	if err != nil {
		return err
	}
	b.found.Store(&finding{Broken: broken, at: b.now()})
	return nil
}

// Describe implements prometheus.Collector.
func (b *Books) Describe(to chan<- *prometheus.Desc) { to <- b.broken }

// Collect implements prometheus.Collector. Where nobody looked, nothing is told.
func (b *Books) Collect(to chan<- prometheus.Metric) {
	found := b.found.Load()
	if found == nil || b.now().Sub(found.at) > booksFresh {
		return
	}
	to <- prometheus.MustNewConstMetric(b.broken, prometheus.GaugeValue, float64(found.Jobs), "jobs")
	to <- prometheus.MustNewConstMetric(b.broken, prometheus.GaugeValue, float64(found.Accounts), "accounts")
}
