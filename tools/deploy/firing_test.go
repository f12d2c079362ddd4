package main

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/require"
)

// at is when the expressions are evaluated: late enough for the longest window.
const at = 7 * time.Hour

// Each alert fires for the series that it is made for, and not for series of a healthy system. Series have a sample a minute.
func TestAlerts_fire(t *testing.T) {
	t.Parallel()
	const requests = `mugshot_http_requests_total{method="GET",route="/api/v1/me",status="200"} 0+600x420
		mugshot_http_requests_total{method="GET",route="/api/v1/me",status="500"} `
	cases := map[string]struct{ well, ill string }{
		"MugshotApiErrors":        {requests + "0+60x410 24600x10", requests + "0+12x420"},
		"MugshotApiErrorsLasting": {requests + "0+3x420", requests + "0+4x420"},
		"MugshotApiSlow": {
			`mugshot_http_request_duration_seconds_bucket{le="1"} 0+100x420
			mugshot_http_request_duration_seconds_bucket{le="2.5"} 0+100x420
			mugshot_http_request_duration_seconds_bucket{le="+Inf"} 0+100x420`,
			`mugshot_http_request_duration_seconds_bucket{le="1"} 0+98x420
			mugshot_http_request_duration_seconds_bucket{le="2.5"} 0+100x420
			mugshot_http_request_duration_seconds_bucket{le="+Inf"} 0+100x420`,
		},
		"MugshotDown":          {`up{job="mugshot-api"} 1x420`, `up{job="mugshot-api"} 1x400 0x20`},
		"MugshotNotReady":      {`mugshot_ready{check="redis",instance="a"} 1x420`, `mugshot_ready{check="redis",instance="a"} 1x410 0x10`},
		"MugshotNoWorker":      {`mugshot_ready{check="worker",instance="a"} 0x420` + "\n" + `mugshot_ready{check="worker",instance="b"} 1x420`, ""},
		"MugshotSweeperSilent": {`mugshot_sweeps_total{outcome="succeeded"} 0+60x420`, `mugshot_sweeps_total{outcome="succeeded"} 7x420` + "\n" + `mugshot_sweeps_total{outcome="failed"} 0+60x420`},
		"MugshotBacklogOld":    {`mugshot_backlog_oldest_seconds{kind="generate"} 3500x420`, `mugshot_backlog_oldest_seconds{kind="generate"} 3700x420`},
		"MugshotRepliesOld":    {`mugshot_backlog_oldest_seconds{kind="reply"} 200x420`, `mugshot_backlog_oldest_seconds{kind="reply"} 400x420`},
		"MugshotMailsStuck":    {`mugshot_backlog_oldest_seconds{kind="mail"} 200x420`, `mugshot_backlog_oldest_seconds{kind="mail"} 400x420`},
		"MugshotTasksFail": {
			`mugshot_tasks_total{kind="mail",outcome="succeeded"} 0+9x420` + "\n" + `mugshot_tasks_total{kind="mail",outcome="failed"} 0+1x420`,
			`mugshot_tasks_total{kind="mail",outcome="succeeded"} 0+9x420` + "\n" + `mugshot_tasks_total{kind="mail",outcome="failed"} 0+3x420`,
		},
		"MugshotTasksUnwritten":  {`mugshot_tasks_total{kind="mail",outcome="error"} 7x420`, `mugshot_tasks_total{kind="mail",outcome="error"} 7x410 8x10`},
		"MugshotProviderResting": {`mugshot_provider_resting{model="seedream"} 0x420`, `mugshot_provider_resting{model="seedream"} 1x420`},
		"MugshotProviderFailing": {
			`mugshot_provider_requests_total{provider="fal",model="fal_flux",outcome="succeeded"} 0+10x420
			mugshot_provider_requests_total{provider="fal",model="fal_flux",outcome="transient"} 0+1x420
			mugshot_provider_requests_total{provider="fal",model="fal_flux",outcome="blocked"} 0+50x420`,
			`mugshot_provider_requests_total{provider="fal",model="fal_flux",outcome="succeeded"} 0+10x420
			mugshot_provider_requests_total{provider="fal",model="fal_flux",outcome="permanent"} 0+4x420
			mugshot_provider_requests_total{provider="fal",model="fal_flux",outcome="resting"} 0+99x420`,
		},
		"MugshotProviderThrottled": {
			`mugshot_provider_requests_total{provider="fal",model="fal_flux",outcome="succeeded"} 0+10x420`,
			`mugshot_provider_requests_total{provider="fal",model="fal_flux",outcome="succeeded"} 0+10x420
			mugshot_provider_requests_total{provider="fal",model="fal_flux",outcome="throttled"} 0+2x420`,
		},
		"MugshotPostgresPoolFull": {
			`mugshot_postgres_connections_busy{instance="a"} 8x420` + "\n" + `mugshot_postgres_connections_max{instance="a"} 10x420`,
			`mugshot_postgres_connections_busy{instance="a"} 10x420` + "\n" + `mugshot_postgres_connections_max{instance="a"} 10x420`,
		},
		"MugshotBooksBroken":    {`mugshot_books_broken{what="jobs"} 0x420`, `mugshot_books_broken{what="jobs"} 0x419 1`},
		"MugshotBooksUnwatched": {`mugshot_books_broken{what="jobs"} 0x420`, `mugshot_books_broken{what="jobs"} 0x400`},
		"MugshotSweepRefused": {
			`mugshot_storage_sweeps_refused_total{bucket="renders",reason="unknown_rows"} 3x420`,
			`mugshot_storage_sweeps_refused_total{bucket="renders",reason="unknown_rows"} 3x410 4x10`,
		},
		"MugshotRefundsHigh": {
			`mugshot_credits_total{action="job_charge"} 0+10x420` + "\n" + `mugshot_credits_total{action="job_refund"} 0+1x420`,
			`mugshot_credits_total{action="job_charge"} 0+10x420` + "\n" + `mugshot_credits_total{action="job_refund"} 0+4x420`,
		},
	}
	groups, errs := rulefmt.ParseFile(filepath.Join(tree, alertsFile), false, model.UTF8Validation,
		parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	require.Empty(t, errs)
	tried := 0
	for _, rule := range groups.Groups[0].Rules {
		c, ok := cases[rule.Alert]
		require.True(t, ok, "no case for %s", rule.Alert)
		tried++
		t.Run(rule.Alert, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, evaluate(t, c.well, rule.Expr), "when all is well")
			require.NotEmpty(t, evaluate(t, c.ill, rule.Expr), "when it is not")
		})
	}
	require.Len(t, cases, tried)
}

// evaluate returns the result of an expression on series that began hours ago.
func evaluate(t *testing.T, series, expression string) promql.Vector {
	t.Helper()
	storage := promqltest.LoadedStorage(t, "load 1m\n\t"+strings.ReplaceAll(series, "\n\t\t\t", "\n\t"))
	engine := promqltest.NewTestEngine(t, false, 5*time.Minute, promqltest.DefaultMaxSamplesPerQuery)
	query, err := engine.NewInstantQuery(t.Context(), storage, nil, expression, time.Unix(0, 0).Add(at))
	require.NoError(t, err)
	defer query.Close()
	result := query.Exec(t.Context())
	require.NoError(t, result.Err)
	found, err := result.Vector()
	require.NoError(t, err)
	return found
}
