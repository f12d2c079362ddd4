// Package admin is the edge for operators: metrics, health, profiles, and pages that show what the workers do. It has no
// authentication, and so belongs on an address that the public never reaches. It only answers GET and HEAD, and hostCheck
// keeps pages of other origins, opened in an operator's browser, from reading it. What can't be read (Postgres or Redis is
// away) is missing from the metrics and shown as such on the pages; the rest is there.
package admin

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mugshot-studio/backend/internal/ops/backlog"
)

// QueuesPath is the path of the page that the queue's library brings.
const QueuesPath = "/queues/"

// readyTimeout bounds a check of readiness, and lookTimeout a read of the backlog.
const (
	readyTimeout = 2 * time.Second
	lookTimeout  = 3 * time.Second
)

// Config is what the edge shows.
type Config struct {
	Metrics prometheus.Gatherer
	Ready   func(ctx context.Context) error // why the process could not do its work, or nil
	Look    func(ctx context.Context) (backlog.Overview, error)
	Depth   func(ctx context.Context, kind string) (int64, error) // messages in Redis
	Queues  http.Handler                                          // at QueuesPath
	Limits  Limits
	Now     func() time.Time
	Log     *slog.Logger
}

// New returns the handler: GET /metrics, /readyz, /jobs, the library's page at QueuesPath, and the profiles for
// `go tool pprof` at /debug/pprof/.
func New(cfg Config) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Metrics, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, // where Postgres is away, the rest is still served
	}))
	mux.HandleFunc("GET /readyz", cfg.readyz)
	mux.HandleFunc("GET /jobs", cfg.jobs)
	mux.Handle(QueuesPath, cfg.Queues)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index) // the heap, allocations, goroutines
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	waits := new(blocking)
	for _, profile := range []string{"block", "mutex"} {
		mux.Handle("GET /debug/pprof/"+profile, waits.handler(profile))
	}
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.Handle("GET /{$}", http.RedirectHandler("/jobs", http.StatusFound))
	return hostCheck(mux)
}

func (cfg Config) readyz(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := cfg.Ready(ctx); err != nil {
		cfg.Log.WarnContext(ctx, "not ready", "error", err)
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusOK)
}
