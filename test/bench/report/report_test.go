package report_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/bench/report"
	"github.com/mugshot-studio/backend/test/bench/servers"
)

var reading = report.Workload{ID: "W2", Title: "read a chat"}

// measured has three rounds of W2, of which the second was disturbed on one side.
func measured() *report.Report {
	r := &report.Report{Measured: time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC), Cores: 2, Versions: map[string]string{"Go": "1.26"}, Seconds: 4, Rounds: 3}
	add := func(side string, cpu, other float64) {
		r.Add(reading, side, report.Run{report.ServerCPU: cpu, report.Other: other, report.P50: 1, report.P99: math.NaN()}, 0, nil)
	}
	add(servers.Ours, 0.12, 0)
	add(servers.Ours, 0.9, 0.5)
	add(servers.Ours, 0.26, 0.1)
	add(servers.Floor, 0.1, 0)
	add(servers.Floor, 0.1, 0)
	add(servers.Floor, 0.2, 0)
	return r
}

func TestRatio_leavesOutWhatOthersDisturbed(t *testing.T) {
	t.Parallel()
	r := measured()
	require.InDelta(t, 1.25, r.Ratio("W2", report.ServerCPU, servers.Ours, servers.Floor), 1e-9, "of 1.2 and 1.3, not 9")
	require.InDelta(t, 0.19, r.Find("W2", servers.Ours).Medians[report.ServerCPU], 1e-9)
	require.False(t, r.Find("W2", servers.Ours).Disturbed())
	require.True(t, math.IsNaN(r.Ratio("W2", report.ServerCPU, servers.Ours, servers.Peer)), "it was not measured")
	require.NotContains(t, r.Find("W2", servers.Ours).Medians, report.P99, "it had no value")
}

func TestAdd_sumsWhatTheServersComputed(t *testing.T) {
	t.Parallel()
	r, job := &report.Report{}, report.Workload{ID: "W6 burst", Title: "jobs"}
	r.Add(job, servers.Ours, report.Run{
		report.ServerCPU: 0.5, report.WorkerCPU: 0.25, report.Postgres: 2, report.Redis: 0.25, report.LoadCPU: 9, report.Rate: 100,
	}, 0, nil)
	r.Add(job, servers.Peer, report.Run{
		report.ServerCPU: 3, report.WorkerCPU: 2, report.Postgres: 1, report.Redis: math.NaN(), report.Rate: 50,
	}, 0, nil)
	require.InDelta(t, 3, r.Find("W6 burst", servers.Ours).Medians[report.AllCPU], 1e-9, "without the load's")
	require.InDelta(t, 0.5, r.Ratio("W6 burst", report.AllCPU, servers.Ours, servers.Peer), 1e-9)

	var page strings.Builder
	require.NoError(t, r.Text(&page))
	require.Regexp(t, `W6 burst\s+all CPU\s+0\.50 × peer\s+≤ 0\.55 × peer\s+yes`, page.String())
	require.Regexp(t, `W6 burst\s+CPU of Postgres\s+2\.00 × peer\s+≤ 1 × peer\s+no`, page.String())
	require.Regexp(t, `W6 burst\s+jobs a second\s+2\.00 × peer\s+≥ 2 × peer\s+yes`, page.String())
	require.Regexp(t, `Redis\s+all CPU\s+server MB`, page.String())
}

func TestRatio_ofDisturbedRoundsAlone(t *testing.T) {
	t.Parallel()
	r := &report.Report{}
	r.Add(reading, servers.Ours, report.Run{report.ServerCPU: 3, report.Other: 0.9}, 0, nil)
	r.Add(reading, servers.Floor, report.Run{report.ServerCPU: 2, report.Other: 0}, 0, nil)
	require.InDelta(t, 1.5, r.Ratio("W2", report.ServerCPU, servers.Ours, servers.Floor), 1e-9)
	require.True(t, r.Find("W2", servers.Ours).Disturbed())
}

func TestCheck_meetsOrMissesATarget(t *testing.T) {
	t.Parallel()
	r := measured()
	for _, c := range []struct {
		target report.Target
		met    bool
	}{
		{report.Target{Workload: "W2", Metric: report.ServerCPU, Of: servers.Floor, Bound: 1.35}, true},
		{report.Target{Workload: "W2", Metric: report.ServerCPU, Of: servers.Floor, Bound: 1.2}, false},
		{report.Target{Workload: "W2", Metric: report.ServerCPU, Of: servers.Floor, Bound: 1.2, Least: true}, true},
		{report.Target{Workload: "W2", Metric: report.P50, Bound: 1}, true},
		{report.Target{Workload: "W2", Metric: report.P50, Bound: 0.5}, false},
	} {
		outcome, ok := r.Check(c.target)
		require.True(t, ok)
		require.Equal(t, c.met, outcome.Met, "%+v", outcome)
	}
	_, ok := r.Check(report.Target{Workload: "W3", Metric: report.P50, Bound: 1})
	require.False(t, ok, "it was not measured")
}

func TestWrite_isReadableAndComplete(t *testing.T) {
	t.Parallel()
	r, dir := measured(), t.TempDir()
	r.LeftOut = "The peer was left out: why."
	r.Find("W2", servers.Ours).Failures = []string{"status 500"}
	require.NoError(t, r.Write(dir, "latest"))

	page, err := os.ReadFile(filepath.Join(dir, "latest.md"))
	require.NoError(t, err)
	require.Contains(t, string(page), "| W2 | CPU of the server | 1.25 × floor | ≤ 1.35 × floor | yes |")
	require.Contains(t, string(page), "| W2 | ours | – | 1.00 | – | 0.190 |")
	require.Contains(t, string(page), "(latest.svg)")
	require.Contains(t, string(page), "27 November 2026, on 2 cores")
	require.Contains(t, string(page), "The peer was left out: why.")

	text, err := os.ReadFile(filepath.Join(dir, "latest.json"))
	require.NoError(t, err)
	var back report.Report
	require.NoError(t, json.Unmarshal(text, &back))
	require.Len(t, back.Find("W2", servers.Ours).Runs, 3)

	var terminal strings.Builder
	require.NoError(t, r.Text(&terminal))
	require.Contains(t, terminal.String(), "W2 on ours: status 500")
	require.Contains(t, terminal.String(), "1.25 × floor")
}
