package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/mugshot-studio/backend/test/bench/servers"
)

// metricColumn is a column of the table of medians.
type metricColumn struct{ metric, title, format string }

func columns() []metricColumn {
	return []metricColumn{
		{Rate, "per s", "%.0f"},
		{P50, "p50 ms", "%.2f"},
		{P99, "p99 ms", "%.1f"},
		{ServerCPU, "server", "%.3f"},
		{WorkerCPU, "worker", "%.3f"},
		{Postgres, "Postgres", "%.3f"},
		{Redis, "Redis", "%.3f"},
		{AllCPU, "all CPU", "%.3f"},
		{ServerPeak, "server MB", "%.0f"},
		{WorkerPeak, "worker MB", "%.0f"},
		{PerStream, "kB/stream", "%.1f"},
		{LastP99, "last p99 ms", "%.1f"},
		{Other, "other", "%.2f"},
	}
}

// row returns the cells of one result, with a dash for what was not measured.
func (x *Result) row() []string {
	cells := []string{x.Workload, x.Side}
	for _, c := range columns() {
		value, ok := x.Medians[c.metric]
		cell := "–"
		if ok {
			cell = fmt.Sprintf(c.format, value)
		}
		cells = append(cells, cell)
	}
	failed := fmt.Sprint(x.Failed)
	if x.Disturbed() {
		failed += ", disturbed"
	}
	return append(cells, failed)
}

func heads() []string {
	all := []string{"work", "side"}
	for _, c := range columns() {
		all = append(all, c.title)
	}
	return append(all, "failed")
}

// row is one row of the table of targets.
func (o Outcome) row() []string {
	met := "yes"
	if !o.Met {
		met = "**no**"
	}
	value := fmt.Sprintf("%.3g", o.Value)
	if o.Of != "" {
		value = fmt.Sprintf("%.2f × %s", o.Value, o.Of)
	}
	return []string{o.Workload, o.What, value, o.String(), met}
}

var targetHeads = []string{"work", "figure", "measured", "target", "met"}

func (r *Report) targets() [][]string {
	var rows [][]string
	for _, target := range Targets() {
		if outcome, ok := r.Check(target); ok {
			rows = append(rows, outcome.row())
		}
	}
	return rows
}

// inOrder lists the results workload by workload, ours first.
func (r *Report) inOrder() (rows [][]string) {
	for _, workload := range r.Workloads {
		for _, side := range []string{servers.Ours, servers.Floor, servers.Peer} {
			if found := r.Find(workload.ID, side); found != nil {
				rows = append(rows, found.row())
			}
		}
	}
	return rows
}

// Text writes both tables for a terminal.
func (r *Report) Text(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	write := func(heads []string, rows [][]string) {
		for _, row := range append([][]string{heads}, rows...) {
			_, _ = fmt.Fprintln(w, strings.ReplaceAll(strings.Join(row, "\t"), "**", "")) // Flush returns the error
		}
		_, _ = fmt.Fprintln(w)
	}
	write(heads(), r.inOrder())
	write(targetHeads, r.targets())
	for _, x := range r.Results {
		for _, failure := range x.Failures {
			_, _ = fmt.Fprintf(w, "%s on %s: %s\n", x.Workload, x.Side, failure)
		}
	}
	if r.LeftOut != "" {
		_, _ = fmt.Fprintln(w, r.LeftOut)
	}
	return w.Flush()
}
