package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/telemetry"
	"github.com/mugshot-studio/backend/test/kit/sentrytest"
)

// BenchmarkEdge_telemetry measures what telemetry of a request costs, by what observes it; the log is written in all of them.
func BenchmarkEdge_telemetry(b *testing.B) {
	metrics := telemetry.NewMetrics(prometheus.NewRegistry())
	observe := func(cfg *Config) {
		cfg.Observe = func(_ context.Context, s Served) { metrics.Request(s.Method, s.Route, s.Status, s.Duration) }
	}
	report := func(cfg *Config) {
		reports, err := telemetry.OpenReports(sentrytest.New(b).DSN, "production")
		require.NoError(b, err)
		b.Cleanup(func() { reports.Close(10 * time.Second) })
		cfg.Log = slog.New(telemetry.NewTraceContextHandler(reports.Handler(cfg.Log.Handler())))
	}
	trace := func(share float64) func(cfg *Config) {
		return func(cfg *Config) {
			collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			b.Cleanup(collector.Close)
			tracing, err := telemetry.OpenTracing(context.Background(), telemetry.TracingConfig{
				Endpoint: collector.URL, Service: "mugshot", Environment: "production", Share: share,
			}, slog.New(slog.DiscardHandler))
			require.NoError(b, err)
			b.Cleanup(func() { tracing.Close(context.Background()) })
			cfg.Trace = tracing.Requests()
		}
	}
	for _, c := range []struct {
		name   string
		listen []func(*Config)
	}{
		{"log_alone", nil},
		{"metrics", []func(*Config){observe}},
		{"metrics_sentry", []func(*Config){observe, report}},
		{"metrics_sentry_traces_of_none", []func(*Config){observe, report, trace(0)}},
		{"metrics_sentry_traces_of_all", []func(*Config){observe, report, trace(1)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			cfg := Config{
				BasePath: base, Log: slog.New(slog.NewJSONHandler(discard{}, nil)), Authenticate: authenticate,
				NewID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) },
			}
			for _, listen := range c.listen {
				listen(&cfg)
			}
			edge, err := New(cfg, newImpl())
			require.NoError(b, err)
			w := &nullWriter{header: http.Header{}}
			r := httptest.NewRequest(http.MethodGet, base+"/models", http.NoBody)
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				edge.ServeHTTP(w, r)
			}
			require.Equal(b, http.StatusOK, w.status)
		})
	}
}
