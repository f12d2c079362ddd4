package admin_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/pprof/profile"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/ops/admin"
	"github.com/mugshot-studio/backend/internal/ops/backlog"
)

var errAway = errors.New("away")

// world is the edge over numbers of the test's choice.
type world struct {
	overview backlog.Overview
	err      error // of Postgres
	ready    error
	redis    error
}

func (w *world) look(context.Context) (backlog.Overview, error) { return w.overview, w.err }

func (w *world) depth(_ context.Context, kind string) (int64, error) {
	return int64(len(kind)), w.redis
}

func (w *world) handler() http.Handler {
	log, registry := slog.New(slog.DiscardHandler), prometheus.NewPedanticRegistry()
	registry.MustRegister(admin.NewBacklog(w.look, w.depth, log),
		admin.NewChecks(map[string]func(context.Context) error{
			"postgres": func(context.Context) error { return w.err }, "redis": func(context.Context) error { return w.redis },
		}))
	return admin.New(admin.Config{
		Metrics: registry, Ready: func(context.Context) error { return w.ready }, Look: w.look, Depth: w.depth,
		Queues: http.NotFoundHandler(), Limits: admin.Limits{UserJobs: 2, ProviderCalls: 16},
		Now: func() time.Time { return time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC) }, Log: log,
	})
}

func (w *world) get(t *testing.T, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	w.handler().ServeHTTP(answer, httptest.NewRequest(method, path, http.NoBody))
	return answer
}

func busy() *world {
	return &world{overview: backlog.Overview{
		Kinds: []backlog.Kind{
			{Name: "generate", Waiting: backlog.Most, Parked: 198, Retrying: 1, Running: 2, FailedLastHour: 3, Oldest: 90 * time.Minute},
			{Name: "mail"},
		},
		Providers: []backlog.Provider{{Name: "<gemini>", Running: 16, Parked: 12}},
	}}
}

func TestProfiles_200(t *testing.T) {
	t.Parallel()
	w := busy()
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine", "/debug/pprof/profile?seconds=1"} {
		answer := w.get(t, http.MethodGet, path)
		require.Equal(t, http.StatusOK, answer.Code, path)
		require.NotZero(t, answer.Body.Len(), path)
	}
	require.Equal(t, http.StatusNotFound, w.get(t, http.MethodGet, "/debug/pprof/cmdline").Code, "its arguments are nobody's business")
}

// What makes others wait is seen while somebody looks, and at no other time.
func TestProfiles_blocking(t *testing.T) { //nolint:paralleltest // the rates are the process's
	w := busy()
	over := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	answer := w.get(t, http.MethodGet, "/debug/pprof/block?seconds=1")
	close(over)
	waiting.Wait()
	require.Equal(t, http.StatusOK, answer.Code)
	waits, err := profile.ParseData(answer.Body.Bytes())
	require.NoError(t, err)
	require.NotEmpty(t, waits.Sample)
	require.Zero(t, runtime.SetMutexProfileFraction(-1), "nobody looks any more")
	require.Equal(t, http.StatusOK, w.get(t, http.MethodGet, "/debug/pprof/mutex?seconds=1").Code)
}

func TestJobs_200(t *testing.T) {
	t.Parallel()
	w := busy()
	w.redis = errAway
	answer := w.get(t, http.MethodGet, "/jobs")
	require.Equal(t, http.StatusOK, answer.Code)
	html := answer.Body.String()
	for _, part := range []string{
		"2026-11-22 08:30:00 UTC", ">10000+<", ">198<", ">1h30m<", "&lt;gemini&gt;", `class="bad">3<`, `class="busy">2<`, ">?<",
		`http-equiv="refresh"`, `name="viewport"`,
	} {
		require.Contains(t, html, part)
	}
	require.NotContains(t, html, "<script")
	require.Contains(t, answer.Header().Get("Content-Security-Policy"), "default-src 'none'")
}

func TestJobs_503(t *testing.T) {
	t.Parallel()
	w := &world{err: errAway}
	require.Equal(t, http.StatusServiceUnavailable, w.get(t, http.MethodGet, "/jobs").Code)
}

func TestMetrics_200(t *testing.T) {
	t.Parallel()
	w := busy()
	w.redis = errAway
	text := w.get(t, http.MethodGet, "/metrics").Body.String()
	for _, line := range []string{
		`mugshot_backlog_tasks{kind="generate",state="held"} 198`, `mugshot_backlog_tasks{kind="generate",state="waiting"} 10000`,
		`mugshot_backlog_oldest_seconds{kind="generate"} 5400`, `mugshot_backlog_oldest_seconds{kind="mail"} 0`,
		`mugshot_ready{check="postgres"} 1`, `mugshot_ready{check="redis"} 0`, `mugshot_provider_calls{provider="<gemini>",state="running"} 16`,
	} {
		require.Contains(t, text, line+"\n")
	}
	w.redis = nil
	text = w.get(t, http.MethodGet, "/metrics").Body.String()
	require.Contains(t, text, `mugshot_queue_messages{kind="mail"} 4`+"\n")
	require.Contains(t, text, `mugshot_ready{check="redis"} 1`+"\n")
	w.err = errAway
	answer := w.get(t, http.MethodGet, "/metrics")
	require.Equal(t, http.StatusOK, answer.Code, "what can be read is")
	require.NotContains(t, answer.Body.String(), "mugshot_backlog")
	require.Contains(t, answer.Body.String(), `mugshot_ready{check="postgres"} 0`+"\n")
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	w := new(world)
	require.Equal(t, http.StatusOK, w.get(t, http.MethodGet, "/readyz").Code)
	w.ready = errAway
	answer := w.get(t, http.MethodGet, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	require.NotContains(t, answer.Body.String(), "away", "why is for the log")
}

func TestRoot_leadsToTheJobs(t *testing.T) {
	t.Parallel()
	w := new(world)
	require.Equal(t, "/jobs", w.get(t, http.MethodGet, "/").Header().Get("Location"))
	require.Equal(t, http.StatusMethodNotAllowed, w.get(t, http.MethodPost, "/jobs").Code)
	require.Equal(t, http.StatusNotFound, w.get(t, http.MethodGet, "/other").Code)
}
