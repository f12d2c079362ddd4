package telemetry_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/telemetry"
	"github.com/mugshot-studio/backend/internal/testkit/factory"
	"github.com/mugshot-studio/backend/internal/testkit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// scrape returns what Prometheus would read.
func scrape(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	return answer.Body.String()
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	m := telemetry.NewMetrics(registry)
	m.Request(http.MethodGet, "/api/v1/jobs/:job_id", 200, 30*time.Millisecond)
	m.Request(http.MethodGet, "/api/v1/jobs/:job_id", 404, time.Millisecond)
	m.Request(http.MethodGet, "/api/v1/jobs/:job_id/events", 200, time.Hour)
	m.Task("generate", "succeeded", 7*time.Second)
	m.Task("generate", "retried", 90*time.Second)
	text := scrape(t, registry)
	for _, line := range []string{
		`mugshot_http_requests_total{method="GET",route="/api/v1/jobs/:job_id",status="200"} 1`,
		`mugshot_http_requests_total{method="GET",route="/api/v1/jobs/:job_id",status="404"} 1`,
		`mugshot_http_requests_total{method="GET",route="/api/v1/jobs/:job_id/events",status="200"} 1`,
		`mugshot_http_request_duration_seconds_bucket{method="GET",route="/api/v1/jobs/:job_id",le="0.0025"} 1`,
		`mugshot_http_request_duration_seconds_count{method="GET",route="/api/v1/jobs/:job_id"} 2`,
		`mugshot_tasks_total{kind="generate",outcome="retried"} 1`,
		`mugshot_tasks_total{kind="generate",outcome="succeeded"} 1`,
		`mugshot_task_duration_seconds_bucket{kind="generate",le="10"} 1`,
		`mugshot_task_duration_seconds_count{kind="generate"} 2`,
	} {
		require.Contains(t, text, line+"\n")
	}
	require.NotContains(t, text, `duration_seconds_count{method="GET",route="/api/v1/jobs/:job_id/events"`)
}

func TestRegisterPool(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	store := factory.Store(t)
	require.NoError(t, store.Ping(t.Context()))
	telemetry.RegisterPool(registry, store.Pool())
	text := scrape(t, registry)
	for _, line := range []string{
		"mugshot_postgres_connections_max 8", "mugshot_postgres_connections_open 1", "mugshot_postgres_connections_busy 0",
		"mugshot_postgres_acquires_total 1", "mugshot_postgres_waits_total 1",
	} {
		require.Contains(t, text, line+"\n")
	}
}
