package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Markdown writes the report as a page, which shows the plot of the same name beside it.
func (r *Report) Markdown(to io.Writer, plot string) error {
	var b strings.Builder
	b.WriteString("# Side by side\n\n")
	b.WriteString("Written by `make bench`; `test/bench/README.md` says what is measured and how. Ours is this server; the floor is net/http and pgx " +
		"with the same SQL and nothing else; the peer is the old stack's design.\n\n")
	fmt.Fprintf(&b, "Measured on %s, on %d cores, which servers, databases and load share: %d rounds of %g s. ",
		r.Measured.UTC().Format("2 January 2006"), r.Cores, r.Rounds, r.Seconds)
	versions := make([]string, 0, len(r.Versions))
	for _, name := range slices.Sorted(maps.Keys(r.Versions)) {
		versions = append(versions, name+" "+r.Versions[name])
	}
	b.WriteString(strings.Join(versions, ", ") + ".\n")
	if r.LeftOut != "" {
		b.WriteString("\n" + r.LeftOut + "\n")
	}
	b.WriteString("\n## Targets\n\nRatios are medians over paired rounds.\n\n")
	table(&b, targetHeads, r.targets())
	fmt.Fprintf(&b, "\n![Server CPU a request, and the ratios](%s)\n", plot)
	b.WriteString("\n## Medians\n\nserver, worker, Postgres and Redis are milliseconds of computing time for each request, job or event, and all CPU is " +
		"their sum; MB is the most that the processes held; other is the share of the machine that anything else took. A run with more than " +
		"0.2 of that is left out if there are better ones.\n\n")
	table(&b, heads(), r.inOrder())
	b.WriteString("\n## The work\n\n")
	for _, w := range r.Workloads {
		b.WriteString("- " + w.ID + ": " + w.Title + "\n")
	}
	_, err := io.WriteString(to, b.String())
	return err
}

func table(b *strings.Builder, heads []string, rows [][]string) {
	b.WriteString("| " + strings.Join(heads, " | ") + " |\n|" + strings.Repeat(" --- |", len(heads)) + "\n")
	for _, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
	}
}
