package admin_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mugshot-studio/backend/internal/ops/admin"
	"github.com/mugshot-studio/backend/internal/ops/backlog"
)

var errAway = errors.New("away")

// fixture is the edge over numbers of the test's choice.
type fixture struct {
	overview backlog.Overview
	err      error // of Postgres
	ready    error
	redis    error
}

func (f *fixture) look(context.Context) (backlog.Overview, error) { return f.overview, f.err }

func (f *fixture) depth(_ context.Context, kind string) (int64, error) {
	return int64(len(kind)), f.redis
}

func (f *fixture) handler() http.Handler {
	log, registry := slog.New(slog.DiscardHandler), prometheus.NewPedanticRegistry()
	registry.MustRegister(admin.NewBacklog(f.look, f.depth, log),
		admin.NewChecks(map[string]func(context.Context) error{
			"postgres": func(context.Context) error { return f.err }, "redis": func(context.Context) error { return f.redis },
		}))
	return admin.New(admin.Config{
		Metrics: registry, Ready: func(context.Context) error { return f.ready }, Look: f.look, Depth: f.depth,
		Queues: http.NotFoundHandler(), Limits: admin.Limits{UserJobs: 2, ProviderCalls: 16},
		Now: func() time.Time { return time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC) }, Log: log,
	})
}

func (f *fixture) get(t *testing.T, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	answer := httptest.NewRecorder()
	f.handler().ServeHTTP(answer, httptest.NewRequest(method, path, http.NoBody))
	return answer
}

// busy is a fixture with tasks in every state.
func busy() *fixture {
	return &fixture{overview: backlog.Overview{
		Kinds: []backlog.Kind{
			{Name: "generate", Waiting: backlog.Most, Parked: 198, Retrying: 1, Running: 2, FailedLastHour: 3, Oldest: 90 * time.Minute},
			{Name: "mail"},
		},
		Providers: []backlog.Provider{{Name: "<gemini>", Running: 16, Parked: 12}},
	}}
}
