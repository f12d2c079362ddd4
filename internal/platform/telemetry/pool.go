package telemetry

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// RegisterPool registers the numbers of a pool of connections to Postgres, which are read at each scrape. It panics when they
// are registered already.
func RegisterPool(registry prometheus.Registerer, pool *pgxpool.Pool) {
	gauge := func(name, help string, value func(*pgxpool.Stat) float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help},
			func() float64 { return value(pool.Stat()) }))
	}
	counter := func(name, help string, value func(*pgxpool.Stat) float64) {
		registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help},
			func() float64 { return value(pool.Stat()) }))
	}
	gauge("mugshot_postgres_connections_max", "Connections that the pool may open.",
		func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) })
	gauge("mugshot_postgres_connections_open", "Connections that are open.",
		func(s *pgxpool.Stat) float64 { return float64(s.TotalConns()) })
	gauge("mugshot_postgres_connections_busy", "Connections that are in use.",
		func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) })
	counter("mugshot_postgres_acquires_total", "Connections taken from the pool.",
		func(s *pgxpool.Stat) float64 { return float64(s.AcquireCount()) })
	counter("mugshot_postgres_waits_total", "Connections that had to be waited for, or opened.",
		func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) })
	counter("mugshot_postgres_acquire_seconds_total", "Time spent on taking connections from the pool.",
		func(s *pgxpool.Stat) float64 { return s.AcquireDuration().Seconds() })
}
