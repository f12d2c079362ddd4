// Package report condenses the rounds of a measurement into medians and ratios, compares them with the targets, and writes them as
// Markdown, JSON and a table for the terminal.
package report

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/mugshot-studio/backend/test/bench/measure"
)

// Names of the metrics that every run has.
const (
	Rate       = "per_s" // requests, jobs or deliveries
	P50        = "p50_ms"
	P99        = "p99_ms"
	ServerCPU  = "cpu_server" // milliseconds a request, as all of them
	WorkerCPU  = "cpu_worker"
	Postgres   = "cpu_postgres"
	Redis      = "cpu_redis"
	AllCPU     = "cpu_all" // the four above together; [Report.Add] computes it
	LoadCPU    = "cpu_load"
	ServerPeak = "server_mb" // peak memory during the run
	WorkerPeak = "worker_mb"
	Other      = "other"         // the share of the machine that other programs used
	LastP99    = "last_p99_ms"   // of events, to the last of their readers
	PerStream  = "kb_per_stream" // what the server holds for a silent stream
)

// disturbed is the share of other programs above which a run is left out, if there are better ones.
const disturbed = 0.2

// Run holds the figures of one run, by metric.
type Run map[string]float64

// Result is all that was measured of one workload on one side, round by round.
type Result struct {
	Workload string   `json:"workload"`
	Side     string   `json:"side"`
	Runs     []Run    `json:"runs"`
	Medians  Run      `json:"medians"`
	Failed   int      `json:"failed"` // requests, jobs or events
	Failures []string `json:"failures,omitempty"`
}

// Workload says what a kind of work is.
type Workload struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Report is one measurement.
type Report struct {
	Measured  time.Time         `json:"measured"`
	Cores     int               `json:"cores"`
	Versions  map[string]string `json:"versions"`
	Seconds   float64           `json:"seconds"` // of a run
	Rounds    int               `json:"rounds"`
	LeftOut   string            `json:"left_out,omitempty"` // why a side is missing
	Workloads []Workload        `json:"workloads"`
	Results   []*Result         `json:"results"`
}

// Add adds a run, with the sum of what its servers computed. Metrics without a value are left out.
func (r *Report) Add(workload Workload, side string, run Run, failed int, failures []string) {
	maps.DeleteFunc(run, func(_ string, v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	if _, ok := run[ServerCPU]; ok {
		run[AllCPU] = run[ServerCPU] + run[WorkerCPU] + run[Postgres] + run[Redis]
	}
	if !slices.Contains(r.Workloads, workload) {
		r.Workloads = append(r.Workloads, workload)
	}
	result := r.Find(workload.ID, side)
	if result == nil {
		result = &Result{Workload: workload.ID, Side: side}
		r.Results = append(r.Results, result)
	}
	result.Runs = append(result.Runs, run)
	result.Failed += failed
	result.Failures = append(result.Failures, failures...)
	result.Medians = medians(result.Runs)
}

// Find returns nil where nothing was measured.
func (r *Report) Find(workload, side string) *Result {
	i := slices.IndexFunc(r.Results, func(x *Result) bool { return x.Workload == workload && x.Side == side })
	if i < 0 {
		return nil
	}
	return r.Results[i]
}

func medians(runs []Run) Run {
	kept := undisturbed(runs, runs)
	found := Run{}
	for metric := range runs[0] {
		if m := measure.Median(column(runs, kept, metric)); !math.IsNaN(m) {
			found[metric] = m
		}
	}
	return found
}

// undisturbed lists the rounds in which neither run of a pair was disturbed, or all rounds if there is none.
func undisturbed(a, b []Run) []int {
	var all, quiet []int
	for i := range min(len(a), len(b)) {
		all = append(all, i)
		if a[i][Other] <= disturbed && b[i][Other] <= disturbed {
			quiet = append(quiet, i)
		}
	}
	if len(quiet) == 0 {
		return all
	}
	return quiet
}

func column(runs []Run, rounds []int, metric string) []float64 {
	values := make([]float64, 0, len(rounds))
	for _, i := range rounds {
		value, ok := runs[i][metric]
		if !ok {
			value = math.NaN()
		}
		values = append(values, value)
	}
	return values
}

// Ratio returns the median, over paired rounds, of one side's figures divided by another's; NaN if there are none.
func (r *Report) Ratio(workload, metric, side, of string) float64 {
	a, b := r.Find(workload, side), r.Find(workload, of)
	if a == nil || b == nil {
		return math.NaN()
	}
	rounds := undisturbed(a.Runs, b.Runs)
	return measure.MedianRatio(column(a.Runs, rounds, metric), column(b.Runs, rounds, metric))
}

// Disturbed tells whether other programs disturbed every run of a result, so that its figures are not to be trusted.
func (x *Result) Disturbed() bool {
	return !slices.ContainsFunc(x.Runs, func(run Run) bool { return run[Other] <= disturbed })
}
