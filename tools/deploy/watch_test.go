package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree is the root of the repository.
const tree = "../.."

// broken copies what the checks of alerts and dashboard read, with one thing in one file replaced by another.
func broken(t *testing.T, file, what, by string) string {
	t.Helper()
	dir := t.TempDir()
	found := false
	for _, name := range []string{alertsFile, dashboardFile, "docs/operations.md"} {
		text, err := os.ReadFile(filepath.Join(tree, name))
		require.NoError(t, err)
		if name == file {
			found = strings.Contains(string(text), what)
			text = []byte(strings.Replace(string(text), what, by, 1))
		}
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), fs.ModePerm))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	require.True(t, found || file == "", "%s has no %q", file, what)
	return dir
}

func TestChecks_findNothingInWhatIsWhole(t *testing.T) {
	t.Parallel()
	dir := broken(t, "", "", "")
	alerts, err := checkAlerts(t.Context(), dir)
	require.NoError(t, err)
	require.Empty(t, alerts)
	panels, err := checkDashboard(t.Context(), dir)
	require.NoError(t, err)
	require.Empty(t, panels)
}

func TestCheckAlerts_findsWhatIsBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, what, by, says string }{
		"a metric that does not exist":        {alertsFile, "max by (what) (mugshot_books_broken)", "max by (what) (mugshot_book_broken)", `MugshotBooksBroken: nothing exports "mugshot_book_broken"`},
		"a histogram without its part":        {alertsFile, "mugshot_http_request_duration_seconds_bucket", "mugshot_http_request_duration_seconds", "MugshotApiSlow: nothing exports"},
		"a label that it has not":             {alertsFile, `mugshot_ready{check="worker"}`, `mugshot_ready{kind="worker"}`, "MugshotNoWorker: mugshot_ready has no label kind"},
		"a value that there is not":           {alertsFile, `mugshot_ready{check="worker"}`, `mugshot_ready{check="workers"}`, "MugshotNoWorker: no check is"},
		"one of two values":                   {alertsFile, `outcome=~"transient|permanent"`, `outcome=~"transient|permanently"`, "MugshotProviderFailing: no outcome is"},
		"a group that it has not":             {alertsFile, "max by (model) (mugshot_provider_resting)", "max by (provider) (mugshot_provider_resting)", "groups by provider"},
		"an expression":                       {alertsFile, `absent(mugshot_books_broken)`, `absent(mugshot_books_broken`, "unclosed left parenthesis"},
		"a member that rules have not":        {alertsFile, "for: 2m", "fro: 2m", "fro"},
		"a severity":                          {alertsFile, "severity: page", "severity: shout", `severity "shout"`},
		"another severity in the docs":        {alertsFile, "expr: absent(mugshot_books_broken)\n        for: 10m\n        labels: { severity: ticket }", "expr: absent(mugshot_books_broken)\n        for: 10m\n        labels: { severity: page }", "MugshotBooksUnwatched: its runbook does not begin"},
		"a link that leads elsewhere":         {alertsFile, "operations.md#mugshotdown", "operations.md#mugshotapierrors", "MugshotDown: runbook_url"},
		"no link":                             {alertsFile, "runbook_url: https://github.com/mugshot-studio/backend/blob/main/docs/operations.md#mugshotdown", "x: y", "MugshotDown: runbook_url"},
		"no runbook":                          {"docs/operations.md", "### MugshotDown", "### MugshotUp", "MugshotDown: docs/operations.md has no runbook"},
		"a runbook of nothing":                {"docs/operations.md", "### MugshotDown", "### MugshotUp", "a runbook for MugshotUp"},
		"a runbook without an end":            {"docs/operations.md", "It ends with the first sweep", "It goes with the first sweep", "MugshotSweeperSilent: its runbook does not say"},
		"a metric that is documented no more": {"docs/operations.md", "| `mugshot_sweeps_total` | outcome |", "| `mugshot_swept_total` | outcome |", "MugshotSweeperSilent: nothing exports"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := checkAlerts(t.Context(), broken(t, c.file, c.what, c.by))
			require.NoError(t, err)
			require.Contains(t, strings.Join(found, "\n"), c.says)
		})
	}
}

func TestCheckDashboard_findsWhatIsBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ what, by, says string }{
		"a metric that does not exist": {"max by (kind) (mugshot_queue_messages)", "max by (kind) (mugshot_queued)", `panel "Messages in Redis": nothing exports "mugshot_queued"`},
		"one of Go's":                  {"go_goroutines", "go_routines", "nothing exports"},
		"a label that it has not":      {"sum by (kind, outcome) (rate(mugshot_tasks_total", "sum by (kind, result) (rate(mugshot_tasks_total", "groups by result"},
		"an expression":                {"min by (check) (mugshot_ready)", "min by (check (mugshot_ready)", "unexpected"},
		"a data source of ours":        {`"uid": "${datasource}"`, `"uid": "prometheus-1"`, "not of the data source"},
		"a place":                      {`"w": 8`, `"w": 9`, "it lies over"},
		"an id":                        {`"id": 2,`, `"id": 1,`, "another one has its id"},
		"a title":                      {`"title": "Goroutines"`, `"title": ""`, "no title"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := checkDashboard(t.Context(), broken(t, dashboardFile, c.what, c.by))
			require.NoError(t, err)
			require.Contains(t, strings.Join(found, "\n"), c.says)
		})
	}
}
