package process_test

import (
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// page reads a page of the admin server of a process.
func (p *process) page(t *testing.T, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+p.admin+path, http.NoBody)
	require.NoError(t, err)
	answer, err := web.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, string(text))
	return string(text)
}

// secret is what a client may put anywhere into a request.
const secret = "5ecre7-paint-the-sky"

// open holds the labels with too many values to list, with the form of their values. None comes from a client.
var open = map[string]*regexp.Regexp{
	"method": regexp.MustCompile(`^([A-Z]+|other)$`),
	"route":  regexp.MustCompile(`^(unmatched|(/(:?[a-z][a-z_0-9-]*|\*))+)$`),
	"status": regexp.MustCompile(`^[1-5][0-9]{2}$`),
	"le":     regexp.MustCompile(`^[0-9.e+-]+$|^\+Inf$`),
}

// readLabels returns the values that the labels of our metrics may have, as docs/operations.md lists them. The rules of
// deploy/prometheus are checked against the same list.
func readLabels(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	text, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| label | values |\n| --- | --- |\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	labels := maps.Clone(open)
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| ([a-z0-9_, ]+) \\|$").FindAllStringSubmatch(table, -1) {
		labels[row[1]] = regexp.MustCompile("^(" + strings.ReplaceAll(row[2], ", ", "|") + ")$")
	}
	require.Greater(t, len(labels), len(open))
	return labels
}

// requireHarmlessLabels expects that no label of our metrics has a value that a client chose.
func requireHarmlessLabels(t *testing.T, metrics string) {
	t.Helper()
	require.NotContains(t, metrics, secret)
	require.NotRegexp(t, `[0-9a-f]{8}-[0-9a-f]{4}-`, metrics, "an id among the labels")
	series := regexp.MustCompile(`(?m)^mugshot_\w+\{(.+)\} `).FindAllStringSubmatch(metrics, -1)
	require.NotEmpty(t, series)
	labels := readLabels(t)
	for _, one := range series {
		for _, label := range regexp.MustCompile(`(\w+)="([^"]*)"`).FindAllStringSubmatch(one[1], -1) {
			require.NotNil(t, labels[label[1]], one[0])
			require.Regexp(t, labels[label[1]], label[2], one[0])
		}
	}
}

func TestOperators_seeMetricsAndPages(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api, worker := f.api(t), f.worker(t)
	ada := f.creator(t, api, 20)
	ada.awaitSuccess(t, api, ada.queue(t, api, client.QualityDraft, 1))
	for _, method := range []string{http.MethodGet, "BREW-" + secret} {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+api.http+"/api/v1/"+secret+"?token="+secret, http.NoBody)
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+secret)
		answer, err := web.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
	}

	eventuallyf(t, func() bool { // the success is counted after it is written
		return regexp.MustCompile(`(?m)^mugshot_tasks_total\{kind="generate",outcome="succeeded"\} 1$`).MatchString(worker.page(t, "/metrics"))
	}, "the success among the metrics")
	eventuallyf(t, func() bool { return strings.Contains(worker.page(t, "/metrics"), "\nmugshot_books_broken{") }, "a check of the ledger")
	metrics := worker.page(t, "/metrics")
	for _, name := range []string{
		`mugshot_task_duration_seconds_count{kind="generate"} 1`, `mugshot_backlog_tasks{kind="generate",state="running"} 0`,
		`mugshot_backlog_oldest_seconds{kind="mail"} 0`, `mugshot_queue_messages{kind="generate"} 0`,
		`mugshot_books_broken{what="accounts"} 0`, `mugshot_books_broken{what="jobs"} 0`,
		`mugshot_ready{check="worker"} 1`, `mugshot_sweeps_total{outcome="succeeded"} `,
		"mugshot_postgres_connections_open ", "go_goroutines ", "process_resident_memory_bytes ",
	} {
		require.Contains(t, metrics, "\n"+name)
	}
	require.Contains(t, api.page(t, "/metrics"), `mugshot_http_requests_total{method="other",route="unmatched",status="4`)
	require.Contains(t, api.page(t, "/metrics"), `mugshot_http_requests_total{method="POST",route="/api/v1/project/:project_id/queue",status="201"} 1`)
	require.Contains(t, api.page(t, "/metrics"), "\nmugshot_credits_total{action=\"job_charge\"} 1\n", "counted by the process that charged")
	require.NotContains(t, metrics, "mugshot_credits_total{")
	require.Contains(t, api.page(t, "/metrics"), "\nmugshot_ready{check=\"storage\"} 1\n")
	require.NotContains(t, api.page(t, "/metrics"), "mugshot_books_broken")
	for _, p := range []*process{api, worker} {
		requireHarmlessLabels(t, p.page(t, "/metrics"))
		require.Contains(t, p.page(t, "/jobs"), "<h2>generate</h2>")
		require.Contains(t, p.page(t, "/queues/"), "work.js")
		require.Contains(t, p.page(t, "/queues/worker_pools"), "generate")
	}
}

func TestOperators_listRetryAndDropDeadTasks(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api := f.api(t)
	ada := f.creator(t, api, 2)
	var dead [2]uuid.UUID
	code, message := "worker_lost", "We lost it."
	for i := range dead {
		dead[i] = ada.queue(t, api, client.QualityDraft, 1)
		_, err := f.store.Queries().JobEnd(t.Context(), db.JobEndParams{
			ID: dead[i], LedgerID: factory.ID(), Status: "failed", ErrorCode: &code, ErrorMessage: &message,
		})
		require.NoError(t, err)
	}
	mail := factory.ID()
	_, err := f.sql.Exec(t.Context(), `insert into outbox_mails (id, user_id, kind, status, error)
		values ($1, $2, 'password_changed', 'failed', 'no route')`, mail, ada.id)
	require.NoError(t, err)

	exit, said := run(t, f.dir, f.env(), "worker", "dead", "list")
	require.Zero(t, exit, said)
	for _, line := range []string{dead[0].String() + `  generate  .*"worker_lost"`, dead[1].String(), mail.String() + `  mail .*"password_changed: no route"`} {
		require.Regexp(t, line, said)
	}
	exit, said = run(t, f.dir, f.env(), "worker", "dead", "drop", dead[0].String(), mail.String())
	require.Zero(t, exit, said)
	exit, said = run(t, f.dir, f.env(), "worker", "dead", "retry", dead[0].String(), dead[1].String())
	require.Equal(t, 1, exit, said)
	require.Contains(t, said, dead[0].String()+": there is no dead task of this id")
	again := regexp.MustCompile(dead[1].String() + ` runs again as (\S+)`).FindStringSubmatch(said)
	require.NotNil(t, again, said)
	f.worker(t)
	ada.awaitSuccess(t, api, uuid.MustParse(again[1]))
	require.EqualValues(t, 1, f.balance(t, ada))
	exit, said = run(t, f.dir, f.env(), "worker", "dead", "list")
	require.Zero(t, exit, said)
	require.Regexp(t, `^ID +KIND.*\n$`, said)
	for _, wrong := range [][]string{{"dead"}, {"dead", "list", "more"}, {"dead", "retry"}, {"dead", "bury", mail.String()}, {"more"}} {
		exit, _ = run(t, f.dir, f.env(), append([]string{"worker"}, wrong...)...)
		require.Equal(t, 2, exit, wrong)
	}
}
