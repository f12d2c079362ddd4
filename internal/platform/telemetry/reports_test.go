package telemetry_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/telemetry"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
	"github.com/mugshot-studio/backend/test/kit/sentrytest"
)

func TestReports_sayWhatHappenedAndNothingThatWasSaid(t *testing.T) {
	t.Parallel()
	sentry := sentrytest.New(t)
	reports, err := telemetry.OpenReports(sentry.DSN, "production")
	require.NoError(t, err)
	var logged strings.Builder
	log := slog.New(telemetry.NewTraceContextHandler(reports.Handler(slog.NewJSONHandler(&logged, nil))))
	ctx := tracecontext.With(t.Context(), tracecontext.RequestID, "r-1")
	const secret = "ada@example.com"
	log.WarnContext(ctx, "only a warning")
	log.With(tracecontext.Kind, "mail", "email", secret).ErrorContext(ctx, "request", "route", "/api/v1/me", "status", 500, "code", "internal",
		"error", fmt.Errorf("draw %s: %w", secret, &fs.PathError{Op: secret, Path: secret, Err: errors.New(secret)}),
		"panic", secret, "body", secret, "url", "https://x/?token="+secret, "stack", string(debug.Stack()))
	reports.Close(10 * time.Second)
	require.Contains(t, logged.String(), "only a warning")
	require.Contains(t, logged.String(), secret, "the log has the text")
	require.Len(t, sentry.Events(), 1)
	event := sentry.Events()[0]
	require.Equal(t, "request", event.Message)
	require.Equal(t, "error", event.Level)
	require.Equal(t, "production", event.Environment)
	require.Equal(t, map[string]string{
		"request_id": "r-1", "route": "/api/v1/me", "status": "500", "code": "internal", "kind": "mail",
	}, event.Tags)
	require.Equal(t, []string{"request", "*fs.PathError > *errors.errorString", "mail", "", "/api/v1/me", "500", "internal"}, event.Fingerprint)
	require.Equal(t, "*fs.PathError > *errors.errorString", event.Exception[0].Value)
	frames := event.Exception[0].Stacktrace.Frames
	require.NotEmpty(t, frames)
	require.Contains(t, frames[len(frames)-2].Function, "telemetry_test.TestReports_sayWhat", "innermost last, above debug.Stack itself")
	require.True(t, frames[len(frames)-2].InApp)
	host, err := os.Hostname()
	require.NoError(t, err)
	for _, not := range []string{secret, "token=", "only a warning", "user_agent", "cookies", `"server_name":"` + host, runtime.GOOS, "modules", "(0x"} {
		require.NotContains(t, event.Raw, not)
	}
}

// A change of what Sentry gets has to be made here too.
func TestReports_tellTheseTags(t *testing.T) {
	t.Parallel()
	sentry := sentrytest.New(t)
	reports, err := telemetry.OpenReports(sentry.DSN, "production")
	require.NoError(t, err)
	chosen := map[string]string{
		"request_id": "1", "user_id": "2", "job_id": "3", "message_id": "4", "mail_id": "5", "trace_id": "6", "kind": "7", "method": "8",
		"route": "9", "status": "10", "code": "11", "attempt": "12",
	}
	var attrs []any
	for name, value := range chosen {
		attrs = append(attrs, name, value)
	}
	for _, name := range []string{
		"email", "url", "path", "query", "ip", "user_agent", "header", "cookie", "token", "password", "prompt", "body", "reason", "bytes",
	} {
		attrs = append(attrs, name, "said")
	}
	slog.New(reports.Handler(slog.DiscardHandler)).Error("broken", attrs...)
	reports.Close(10 * time.Second)
	require.Len(t, sentry.Events(), 1)
	require.Equal(t, chosen, sentry.Events()[0].Tags)
	require.Equal(t, []string{"broken", "7", "8", "9", "10", "11"}, sentry.Events()[0].Fingerprint, "grouped by kind, method, route, status and code")
	require.NotContains(t, sentry.Events()[0].Raw, "said")
}

// Errors are reported even where the log does not have them, and with the same attributes where they are in a group.
func TestReports_errorsThatAreNotLogged(t *testing.T) {
	t.Parallel()
	sentry := sentrytest.New(t)
	reports, err := telemetry.OpenReports(sentry.DSN, "production")
	require.NoError(t, err)
	var logged strings.Builder
	quiet := slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelError + 4})
	log := slog.New(reports.Handler(quiet)).With(tracecontext.JobID, "j-1").With(tracecontext.Kind, "generate").WithGroup("group")
	log.Error("job given up", "error", errors.Join(io.EOF, fs.ErrNotExist))
	log.Warn("job waits")
	reports.Close(10 * time.Second)
	require.Empty(t, logged.String())
	require.Len(t, sentry.Events(), 1)
	require.Equal(t, map[string]string{"job_id": "j-1", "kind": "generate"}, sentry.Events()[0].Tags)
	require.Equal(t, "*errors.joinError > *errors.errorString > *errors.errorString", sentry.Events()[0].Exception[0].Value)
}

func TestOpenReports_doesNotQuoteItsAddress(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"https://hush@/none", "https://hush@sentry.test:hush/7", "hush"} {
		_, err := telemetry.OpenReports(dsn, "production")
		require.ErrorContains(t, err, "SENTRY_DSN")
		require.NotContains(t, err.Error(), "hush")
	}
}

func TestTraceContextHandler_addsWhatALineLacks(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	log := slog.New(telemetry.NewTraceContextHandler(slog.NewJSONHandler(&out, nil)))
	ctx := tracecontext.With(tracecontext.With(t.Context(), tracecontext.RequestID, "r-1"), tracecontext.JobID, "j-1")
	log.InfoContext(ctx, "plain")
	log.With(tracecontext.JobID, "own").InfoContext(ctx, "own", tracecontext.RequestID, "r-own")
	log.InfoContext(t.Context(), "nothing")
	log.WithGroup("theirs").InfoContext(ctx, "grouped", "a", "b")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Contains(t, lines[0], `"request_id":"r-1","job_id":"j-1"`)
	require.Contains(t, lines[1], `"job_id":"own","request_id":"r-own"}`)
	require.NotContains(t, lines[2], "_id")
	require.Contains(t, lines[3], `"theirs":{"a":"b"}}`, "in a group nothing is added")
}
