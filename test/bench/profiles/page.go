package profiles

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Column is a process under one workload.
type Column struct {
	Title string
	Set   Set
	Work  float64 // how many requests, jobs or events the profiles cover
	Asks  string  // the function in which each request or job runs: waits elsewhere belong to none
}

// Functions in which requests and jobs run.
const (
	Requests = our + "internal/httpapi/edge.(*Edge).ServeHTTP"
	Jobs     = our + "internal/jobs.(*Runner).Run"
)

// Page is the page of docs/bench about profiles.
type Page struct {
	Measured time.Time
	Cores    int
	Columns  []Column
}

// quantity is a table: one value of one kind of profile, divided by the work done.
type quantity struct {
	title, note string
	kind        Kind
	value       string
	format      string
	unit        float64 // one unit of the table in units of the profile
	share       bool    // per cent of the whole instead
	asked       bool    // samples within requests or jobs only
}

func quantities() []quantity {
	return []quantity{
		{title: "Where computing time goes", note: "Per cent of the samples of the process.", kind: CPU, value: "cpu", format: "%.0f", share: true},
		{title: "What is allocated", note: "Bytes for each request, job or event.", kind: Allocs, value: "alloc_space", format: "%.0f", unit: 1},
		{title: "Objects allocated", note: "How many for each request, job or event.", kind: Allocs, value: "alloc_objects", format: "%.0f", unit: 1},
		{
			title: "Where requests and jobs wait", kind: Block, value: "delay", format: "%.2f", unit: 1e6, asked: true,
			note: "Milliseconds of each, in locks and channels: for a connection of the pool, for a round trip that goes together with others. " +
				"What waits for the network itself is not among them.",
		},
	}
}

// Write writes profiles.md into a folder.
func (p Page) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "profiles.md"), []byte(p.Markdown()), 0o644)
}

// Markdown is the page.
func (p Page) Markdown() string {
	var b strings.Builder
	b.WriteString("# Profiles\n\nWritten by `make bench-profiles`, which keeps what it has read for `go tool pprof` in `bin/bench/profiles`; " +
		"`test/bench/README.md` says what the work is. Profiling costs something itself, the waits most.\n\n")
	fmt.Fprintf(&b, "Measured on %s, on %d cores. Columns are the API, unless they say worker.\n", p.Measured.UTC().Format("2 January 2006"), p.Cores)
	for _, q := range quantities() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", q.title, q.note)
		p.table(&b, q)
	}
	return b.String()
}

func (p Page) table(b *strings.Builder, q quantity) {
	b.WriteString("| |")
	for _, c := range p.Columns {
		b.WriteString(" " + c.Title + " |")
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(p.Columns)) + "\n")
	columns, total := make([]map[string]float64, len(p.Columns)), map[string]float64{}
	for i, c := range p.Columns {
		columns[i] = q.of(c)
		for area, value := range columns[i] {
			total[area] += value
		}
	}
	rows := slices.SortedFunc(maps.Keys(total), func(x, y string) int { return int(1e6 * (total[y] - total[x])) })
	for _, area := range append(rows, "all") {
		b.WriteString("| " + area + " |")
		for _, values := range columns {
			value, ok := values[area]
			if area == "all" {
				for _, part := range values {
					value += part
				}
				ok = true
			}
			cell := "–"
			if ok {
				cell = fmt.Sprintf(q.format, value)
			}
			b.WriteString(" " + cell + " |")
		}
		b.WriteByte('\n')
	}
}

// of computes a quantity for one column.
func (q quantity) of(c Column) map[string]float64 {
	var patterns []string
	if q.asked {
		patterns = []string{c.Asks}
	}
	sums := byArea(c.Set[q.kind], q.value, patterns...)
	divisor := q.unit * c.Work
	if q.share {
		divisor = 0
		for _, value := range sums {
			divisor += value / 100
		}
	}
	for area := range sums {
		sums[area] /= max(divisor, 1)
	}
	return sums
}
