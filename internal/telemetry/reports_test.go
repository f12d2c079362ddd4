package telemetry_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/telemetry"
	"github.com/mugshot-studio/backend/internal/trail"
)

// sentryFake keeps what it is sent: envelopes, as Sentry has them.
func sentryFake(t *testing.T) (dsn string, sent func() string) {
	t.Helper()
	var mu sync.Mutex
	var all strings.Builder
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/7/envelope/" || !strings.Contains(r.Header.Get("X-Sentry-Auth"), "sentry_key=publickey") {
			http.Error(w, "no envelope", http.StatusBadRequest)
			return
		}
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		all.Write(body)
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "://", "://publickey@", 1) + "/7", func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

func TestReports_sayWhatHappenedAndNothingThatWasSaid(t *testing.T) {
	t.Parallel()
	dsn, sent := sentryFake(t)
	reports, err := telemetry.OpenReports(dsn, "production")
	require.NoError(t, err)
	log := slog.New(telemetry.NewTrailHandler(reports.Handler(slog.DiscardHandler)))
	ctx := trail.With(t.Context(), trail.RequestID, "r-1")
	const secret = "ada@example.com"
	log.WarnContext(ctx, "only a warning")
	log.With(trail.Kind, "mail", "email", secret).ErrorContext(ctx, "request", "route", "/api/v1/me", "status", 500, "code", "internal",
		"error", fmt.Errorf("draw %s: %w", secret, &fs.PathError{Op: secret, Path: secret, Err: errors.New(secret)}),
		"panic", secret, "body", secret, "url", "https://x/?token="+secret, "stack", string(debug.Stack()))
	reports.Close(10 * time.Second)
	text := sent()
	for _, want := range []string{
		`"message":"request"`, `"request_id":"r-1"`, `"route":"/api/v1/me"`, `"status":"500"`, `"code":"internal"`, `"kind":"mail"`,
		"*fs.PathError", `"environment":"production"`, "telemetry_test.TestReports_sayWhat", "reports_test.go",
	} {
		require.Contains(t, text, want)
	}
	for _, not := range []string{secret, "token", "only a warning", "user_agent", "cookies"} {
		require.NotContains(t, text, not)
	}
}

func TestOpenReports_doesNotQuoteItsAddress(t *testing.T) {
	t.Parallel()
	_, err := telemetry.OpenReports("https://hush@/none", "production")
	require.ErrorContains(t, err, "SENTRY_DSN")
	require.NotContains(t, err.Error(), "hush")
}

func TestTrailHandler_saysItOnce(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := slog.New(telemetry.NewTrailHandler(slog.NewJSONHandler(&out, nil)))
	ctx := trail.With(trail.With(t.Context(), trail.RequestID, "r-1"), trail.JobID, "j-1")
	log.InfoContext(ctx, "plain")
	log.With(trail.JobID, "own").InfoContext(ctx, "own", trail.RequestID, "r-own")
	log.InfoContext(t.Context(), "nothing")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Contains(t, lines[0], `"request_id":"r-1","job_id":"j-1"`)
	require.Contains(t, lines[1], `"job_id":"own","request_id":"r-own"}`)
	require.NotContains(t, lines[2], "_id")
}
