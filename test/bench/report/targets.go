package report

import (
	"fmt"
	"math"

	"github.com/mugshot-studio/backend/test/bench/servers"
)

// Target bounds a figure of ours, or its ratio to that of another side in the same rounds.
type Target struct {
	Workload string
	Metric   string
	What     string // the figure, in words
	Of       string // the side that it is a ratio to; "": the figure itself
	Least    bool   // the bound is a minimum, not a maximum
	Bound    float64
}

// Targets are the bounds for our server. The margins above the floor are for validation, rate limits, the check of the session,
// logs and metrics, none of which the floor has. All CPU and that of Postgres are compared with the old stack, which a job may not
// cost more than in any part of it.
func Targets() []Target {
	const cpu, all, database = "CPU of the server", "all CPU", "CPU of Postgres"
	return []Target{
		{Workload: "W1", Metric: ServerCPU, What: cpu, Of: servers.Floor, Bound: 1.05},
		{Workload: "W1 64", Metric: P99, What: "p99", Of: servers.Floor, Bound: 1},
		{Workload: "W1 256", Metric: ServerPeak, What: "memory, MB", Bound: 200},
		{Workload: "W2", Metric: ServerCPU, What: cpu, Of: servers.Floor, Bound: 1.35},
		{Workload: "W2", Metric: ServerCPU, What: cpu, Of: servers.Peer, Bound: 0.35},
		{Workload: "W3", Metric: ServerCPU, What: cpu, Of: servers.Floor, Bound: 1.6},
		{Workload: "W3", Metric: ServerCPU, What: cpu, Of: servers.Peer, Bound: 0.45},
		{Workload: "W3", Metric: AllCPU, What: all, Of: servers.Peer, Bound: 0.6},
		{Workload: "W4", Metric: ServerCPU, What: cpu, Of: servers.Floor, Bound: 1.3},
		{Workload: "W4", Metric: ServerCPU, What: cpu, Of: servers.Peer, Bound: 0.4},
		{Workload: "W4 after W3", Metric: ServerCPU, What: cpu, Of: servers.Floor, Bound: 1.3},
		{Workload: "W4 after W3", Metric: ServerCPU, What: cpu, Of: servers.Peer, Bound: 0.4},
		{Workload: "W5", Metric: ServerCPU, What: cpu, Of: servers.Floor, Bound: 2},
		{Workload: "W5", Metric: ServerCPU, What: cpu, Of: servers.Peer, Bound: 0.22},
		{Workload: "W5", Metric: AllCPU, What: all, Of: servers.Peer, Bound: 0.6},
		{Workload: "W6 burst", Metric: Rate, What: "jobs a second", Of: servers.Floor, Least: true, Bound: 0.8},
		{Workload: "W6 burst", Metric: Rate, What: "jobs a second", Of: servers.Peer, Least: true, Bound: 2},
		{Workload: "W6 burst", Metric: Postgres, What: database, Of: servers.Peer, Bound: 1},
		{Workload: "W6 burst", Metric: AllCPU, What: all, Of: servers.Peer, Bound: 0.55},
		{Workload: "W6 paced", Metric: P50, What: "p50, ms", Bound: 4},
		{Workload: "W6 paced", Metric: P99, What: "p99, ms", Bound: 15},
		{Workload: "W7 spread", Metric: PerStream, What: "memory of a stream, kB", Bound: 12},
		{Workload: "W7 spread", Metric: P99, What: "p99, ms", Bound: 6},
		{Workload: "W7 one", Metric: LastP99, What: "p99 to the last reader, ms", Bound: 45},
	}
}

// Outcome is a target with what was measured.
type Outcome struct {
	Target
	Value float64 // the figure or the ratio that is compared with the bound
	Met   bool
}

// Check compares the report with a target; ok is false if its figure was not measured.
func (r *Report) Check(t Target) (o Outcome, ok bool) {
	o = Outcome{Target: t, Value: math.NaN()}
	if t.Of != "" {
		o.Value = r.Ratio(t.Workload, t.Metric, servers.Ours, t.Of)
	} else if found := r.Find(t.Workload, servers.Ours); found != nil {
		if value, measured := found.Medians[t.Metric]; measured {
			o.Value = value
		}
	}
	o.Met = o.Value <= t.Bound
	if t.Least {
		o.Met = o.Value >= t.Bound
	}
	return o, !math.IsNaN(o.Value)
}

// String writes the bound, such as "≤ 1.35 × floor".
func (t Target) String() string {
	sign := "≤"
	if t.Least {
		sign = "≥"
	}
	if t.Of == "" {
		return fmt.Sprintf("%s %g", sign, t.Bound)
	}
	return fmt.Sprintf("%s %g × %s", sign, t.Bound, t.Of)
}
