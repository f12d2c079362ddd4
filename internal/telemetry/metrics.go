package telemetry

import (
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what a process does. Labels are names of ours alone, never an id or a user's text, so that their number
// is bounded by the code.
type Metrics struct {
	requests        *prometheus.CounterVec
	requestDuration *prometheus.HistogramVec
	tasks           *prometheus.CounterVec
	taskDuration    *prometheus.HistogramVec
}

// NewMetrics registers the metrics of a process. It panics when they are registered there already.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mugshot_http_requests_total",
			Help: "Requests answered, by operation. Status 499: the client went away.",
		}, []string{"method", "route", "status"}),
		requestDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "mugshot_http_request_duration_seconds",
			Help:    "How long answers took, by operation. Event streams are left out: they last as long as they are wanted.",
			Buckets: []float64{.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"method", "route"}),
		tasks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "mugshot_tasks_total",
			Help: "Attempts at tasks that ended, by kind and outcome.",
		}, []string{"kind", "outcome"}),
		taskDuration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "mugshot_task_duration_seconds",
			Help:    "How long attempts at tasks took, whatever came of them.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320},
		}, []string{"kind"}),
	}
	registry.MustRegister(m.requests, m.requestDuration, m.tasks, m.taskDuration)
	return m
}

// Request counts an answered request. route is the template of the path.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	if !strings.HasSuffix(route, "/events") {
		m.requestDuration.WithLabelValues(method, route).Observe(took.Seconds())
	}
}

// Task counts an attempt at a task.
func (m *Metrics) Task(kind, outcome string, took time.Duration) {
	m.tasks.WithLabelValues(kind, outcome).Inc()
	m.taskDuration.WithLabelValues(kind).Observe(took.Seconds())
}
