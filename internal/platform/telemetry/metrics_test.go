package telemetry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/telemetry"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// scrape returns what a scrape reads.
func scrape(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
	return answer.Body.String()
}

func TestMetrics_countWhatHappens(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	m := telemetry.NewMetrics(registry)
	m.Request(http.MethodGet, "/api/v1/jobs/:job_id", 200, 30*time.Millisecond)
	m.Request(http.MethodGet, "/api/v1/jobs/:job_id", 404, time.Millisecond)
	m.Request(http.MethodGet, "/api/v1/jobs/:job_id/events", 200, time.Hour)
	m.Task("generate", "succeeded", 7*time.Second)
	m.Task("generate", "retried", 90*time.Second)
	m.Call("gemini", "nano_banana", "succeeded", true, 3*time.Second)
	m.Call("gemini", "nano_banana", "resting", false, time.Millisecond)
	m.Credits("job_charge", 4)
	m.Credits("job_charge", 2)
	m.Sweep(nil)
	m.Sweep(io.EOF)
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
		`mugshot_provider_requests_total{model="nano_banana",outcome="succeeded",provider="gemini"} 1`,
		`mugshot_provider_requests_total{model="nano_banana",outcome="resting",provider="gemini"} 1`,
		`mugshot_provider_request_duration_seconds_count{model="nano_banana",provider="gemini"} 1`,
		`mugshot_credits_total{action="job_charge"} 6`,
		`mugshot_sweeps_total{outcome="succeeded"} 1`,
		`mugshot_sweeps_total{outcome="failed"} 1`,
	} {
		require.Contains(t, text, line+"\n")
	}
	require.NotContains(t, text, `duration_seconds_count{method="GET",route="/api/v1/jobs/:job_id/events"`)
}

func TestRegisterOpenBreakers_asksAtEachScrape(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	open := map[string]bool{"seedream": true}
	telemetry.RegisterOpenBreakers(registry, []string{"nano_banana", "seedream"}, func(model string) bool { return open[model] })
	text := scrape(t, registry)
	require.Contains(t, text, `mugshot_provider_resting{model="nano_banana"} 0`+"\n")
	require.Contains(t, text, `mugshot_provider_resting{model="seedream"} 1`+"\n")
	open["seedream"] = false
	require.Contains(t, scrape(t, registry), `mugshot_provider_resting{model="seedream"} 0`+"\n", "asked at each scrape")
}

func TestRegisterPool_readsTheNumbersOfThePool(t *testing.T) {
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
