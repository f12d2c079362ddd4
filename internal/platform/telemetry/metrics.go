package telemetry

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what a process does. Labels are names that the code defines, never an id or a user's text, so that the number
// of series is bounded.
type Metrics struct {
	mu       sync.RWMutex
	answered map[answered]counts // the series that Request has looked up

	requests        *prometheus.CounterVec
	requestDuration *prometheus.HistogramVec
	tasks           *prometheus.CounterVec
	taskDuration    *prometheus.HistogramVec
	calls           *prometheus.CounterVec
	callDuration    *prometheus.HistogramVec
	credits         *prometheus.CounterVec
	sweeps          *prometheus.CounterVec
	refusedSweeps   *prometheus.CounterVec
}

// NewMetrics registers the metrics of a process. It panics when they are registered already.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		registry.MustRegister(h)
		return h
	}
	work := []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320}
	return &Metrics{
		answered: map[answered]counts{},
		requests: counter("mugshot_http_requests_total",
			"Requests answered, by operation. Status 499: the client went away before its answer was whole.", "method", "route", "status"),
		requestDuration: histogram("mugshot_http_request_duration_seconds",
			"How long answers took, by operation. Event streams are left out: they last as long as they are wanted.",
			[]float64{.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}, "method", "route"),
		tasks: counter("mugshot_tasks_total", "Attempts at tasks that ended, by kind and outcome.", "kind", "outcome"),
		taskDuration: histogram("mugshot_task_duration_seconds",
			"How long attempts at tasks took, whatever came of them.", work, "kind"),
		calls: counter("mugshot_provider_requests_total",
			"Pictures, replies and moderations asked of a provider, by model and outcome.", "provider", "model", "outcome"),
		callDuration: histogram("mugshot_provider_request_duration_seconds",
			"How long a provider that was asked took, whatever came of it.", work, "provider", "model"),
		credits: counter("mugshot_credits_total", "Credits that moved, by the ledger's action.", "action"),
		sweeps:  counter("mugshot_sweeps_total", "Looks of the sweeper in the process that sweeps.", "outcome"),
		refusedSweeps: counter("mugshot_storage_sweeps_refused_total",
			"Looks for objects without a row that were refused, since the bucket may be another database's.", "bucket", "reason"),
	}
}

type (
	// answered is the labels of an answered request.
	answered struct {
		method, route string
		status        int
	}
	// counts is the series with these labels.
	counts struct {
		requests prometheus.Counter
		duration prometheus.Observer // nil for event streams
	}
)

// Request counts an answered request. route is the template of its path.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	c := m.countsOf(answered{method, route, status})
	c.requests.Inc()
	if c.duration != nil {
		c.duration.Observe(took.Seconds())
	}
}

// countsOf looks series up and keeps them, as many as there are combinations of labels.
func (m *Metrics) countsOf(a answered) counts {
	m.mu.RLock()
	c, ok := m.answered[a]
	m.mu.RUnlock()
	if ok {
		return c
	}
	c.requests = m.requests.WithLabelValues(a.method, a.route, strconv.Itoa(a.status))
	if !strings.HasSuffix(a.route, "/events") {
		c.duration = m.requestDuration.WithLabelValues(a.method, a.route)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answered[a] = c
	return c
}

// Task counts an attempt at a task.
func (m *Metrics) Task(kind, outcome string, took time.Duration) {
	m.tasks.WithLabelValues(kind, outcome).Inc()
	m.taskDuration.WithLabelValues(kind).Observe(took.Seconds())
}

// Call counts a call to a provider. asked is false where our own limits or an open breaker kept the call from being made: then
// it has no duration.
func (m *Metrics) Call(provider, model, outcome string, asked bool, took time.Duration) {
	m.calls.WithLabelValues(provider, model, outcome).Inc()
	if asked {
		m.callDuration.WithLabelValues(provider, model).Observe(took.Seconds())
	}
}

// Credits counts credits that moved.
func (m *Metrics) Credits(action string, amount int64) {
	m.credits.WithLabelValues(action).Add(float64(amount))
}

// Sweep counts a run of the sweeper.
func (m *Metrics) Sweep(err error) {
	outcome := "succeeded"
	if err != nil {
		outcome = "failed"
	}
	m.sweeps.WithLabelValues(outcome).Inc()
}

// RefusedSweep counts a look through a bucket that was refused.
func (m *Metrics) RefusedSweep(bucket, reason string) {
	m.refusedSweeps.WithLabelValues(bucket, reason).Inc()
}
