package admin_test

import (
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/pprof/profile"
	"github.com/stretchr/testify/require"
)

func TestProfiles_200(t *testing.T) {
	t.Parallel()
	f := busy()
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine", "/debug/pprof/profile?seconds=1"} {
		answer := f.get(t, http.MethodGet, path)
		require.Equal(t, http.StatusOK, answer.Code, path)
		require.NotZero(t, answer.Body.Len(), path)
	}
	require.Equal(t, http.StatusNotFound, f.get(t, http.MethodGet, "/debug/pprof/cmdline").Code, "its arguments are not served")
}

// Waiting is profiled while a request for the profile is under way, and at no other time.
func TestProfiles_200_blocking(t *testing.T) { //nolint:paralleltest // the rates are the process's
	f := busy()
	over := make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		for {
			select {
			case <-over:
				return
			case <-time.After(time.Millisecond):
			}
		}
	})
	answer := f.get(t, http.MethodGet, "/debug/pprof/block?seconds=1")
	close(over)
	waiting.Wait()
	require.Equal(t, http.StatusOK, answer.Code)
	waits, err := profile.ParseData(answer.Body.Bytes())
	require.NoError(t, err)
	require.NotEmpty(t, waits.Sample)
	require.Zero(t, runtime.SetMutexProfileFraction(-1), "no request is under way")
	require.Equal(t, http.StatusOK, f.get(t, http.MethodGet, "/debug/pprof/mutex?seconds=1").Code)
}

func TestJobs_200(t *testing.T) {
	t.Parallel()
	f := busy()
	f.redis = errAway
	answer := f.get(t, http.MethodGet, "/jobs")
	require.Equal(t, http.StatusOK, answer.Code)
	html := answer.Body.String()
	for _, part := range []string{
		"2026-11-22 08:30:00 UTC", ">10000+<", ">198<", ">1h30m<", "&lt;gemini&gt;", `class="bad">3<`, `class="busy">2<`, ">?<",
		`http-equiv="refresh"`, `name="viewport"`,
	} {
		require.Contains(t, html, part)
	}
	require.NotContains(t, html, "<script")
	require.Contains(t, answer.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'")
}

func TestJobs_503(t *testing.T) {
	t.Parallel()
	f := &fixture{err: errAway}
	require.Equal(t, http.StatusServiceUnavailable, f.get(t, http.MethodGet, "/jobs").Code)
}

func TestMetrics_200(t *testing.T) {
	t.Parallel()
	f := busy()
	f.redis = errAway
	text := f.get(t, http.MethodGet, "/metrics").Body.String()
	for _, line := range []string{
		`mugshot_backlog_tasks{kind="generate",state="held"} 198`, `mugshot_backlog_tasks{kind="generate",state="waiting"} 10000`,
		`mugshot_backlog_oldest_seconds{kind="generate"} 5400`, `mugshot_backlog_oldest_seconds{kind="mail"} 0`,
		`mugshot_ready{check="postgres"} 1`, `mugshot_ready{check="redis"} 0`, `mugshot_provider_calls{provider="<gemini>",state="running"} 16`,
	} {
		require.Contains(t, text, line+"\n")
	}
	f.redis = nil
	text = f.get(t, http.MethodGet, "/metrics").Body.String()
	require.Contains(t, text, `mugshot_queue_messages{kind="mail"} 4`+"\n")
	require.Contains(t, text, `mugshot_ready{check="redis"} 1`+"\n")
	f.err = errAway
	answer := f.get(t, http.MethodGet, "/metrics")
	require.Equal(t, http.StatusOK, answer.Code, "what can be read is")
	require.NotContains(t, answer.Body.String(), "mugshot_backlog")
	require.Contains(t, answer.Body.String(), `mugshot_ready{check="postgres"} 0`+"\n")
}

func TestReadyz_200_503(t *testing.T) {
	t.Parallel()
	f := new(fixture)
	require.Equal(t, http.StatusOK, f.get(t, http.MethodGet, "/readyz").Code)
	f.ready = errAway
	answer := f.get(t, http.MethodGet, "/readyz")
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	require.NotContains(t, answer.Body.String(), "away", "why is for the log")
}

func TestRoot_302_jobs(t *testing.T) {
	t.Parallel()
	f := new(fixture)
	require.Equal(t, "/jobs", f.get(t, http.MethodGet, "/").Header().Get("Location"))
	require.Equal(t, http.StatusMethodNotAllowed, f.get(t, http.MethodPost, "/jobs").Code)
	require.Equal(t, http.StatusNotFound, f.get(t, http.MethodGet, "/other").Code)
}
