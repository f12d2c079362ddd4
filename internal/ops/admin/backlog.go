package admin

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mugshot-studio/backend/internal/ops/backlog"
)

// Backlog exports the backlog as metrics, read at each scrape. Every process would export the same, so only workers do.
type Backlog struct {
	look  func(ctx context.Context) (backlog.Overview, error)
	depth func(ctx context.Context, kind string) (int64, error)
	log   *slog.Logger

	tasks, oldest, messages, calls *prometheus.Desc
}

// NewBacklog returns a collector of what look (Postgres) and depth (Redis) return.
func NewBacklog(
	look func(ctx context.Context) (backlog.Overview, error),
	depth func(ctx context.Context, kind string) (int64, error),
	log *slog.Logger,
) *Backlog {
	return &Backlog{
		look: look, depth: depth, log: log,
		tasks: prometheus.NewDesc("mugshot_backlog_tasks",
			"Tasks that have not ended, by kind and state, in Postgres; at most 10000 each.", []string{"kind", "state"}, nil),
		oldest: prometheus.NewDesc("mugshot_backlog_oldest_seconds",
			"Age of the oldest task that has not ended, by kind; 0: there is none.", []string{"kind"}, nil),
		messages: prometheus.NewDesc("mugshot_queue_messages",
			"Messages on the lists in Redis, by kind.", []string{"kind"}, nil),
		calls: prometheus.NewDesc("mugshot_provider_calls",
			"Jobs that a provider draws, and that wait for it.", []string{"provider", "state"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (b *Backlog) Describe(to chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{b.tasks, b.oldest, b.messages, b.calls} {
		to <- desc
	}
}

// Collect implements prometheus.Collector. What can't be read is missing, and alerts watch for that.
func (b *Backlog) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), lookTimeout)
	defer cancel()
	overview, err := b.look(ctx)
	if err != nil {
		b.log.WarnContext(ctx, "backlog not measured", "error", err)
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for _, k := range overview.Kinds {
		gauge(b.tasks, float64(k.Waiting), k.Name, "waiting")
		gauge(b.tasks, float64(k.Parked), k.Name, "held")
		gauge(b.tasks, float64(k.Retrying), k.Name, "retrying")
		gauge(b.tasks, float64(k.Running), k.Name, "running")
		gauge(b.oldest, k.Oldest.Seconds(), k.Name)
		messages, err := b.depth(ctx, k.Name)
		if err != nil {
			b.log.WarnContext(ctx, "queue not measured", "kind", k.Name, "error", err)
			continue
		}
		gauge(b.messages, float64(messages), k.Name)
	}
	for _, p := range overview.Providers {
		gauge(b.calls, float64(p.Running), p.Name, "running")
		gauge(b.calls, float64(p.Parked), p.Name, "held")
	}
}
