package app

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/mugshot-studio/backend/internal/queue"
)

// readyTimeout bounds the question whether the worker is well.
const readyTimeout = 2 * time.Second

// admin answers operators, on an address that the public never reaches: GET /metrics, and GET /readyz for a worker,
// which has no other port.
func (a *App) admin(consumers *queue.Consumers) http.Handler {
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		err := a.store.Ping(ctx)
		if err == nil && consumers != nil {
			err = consumers.Healthy(ctx)
		}
		if err != nil {
			a.outside.Log.WarnContext(ctx, "not ready", "error", err)
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusOK)
	})
	return mux
}
