package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
	"github.com/mugshot-studio/backend/test/kit/sentrytest"
)

// What goes wrong behind a real request reaches Sentry with the operation and the ids, and with nothing that a client sent
// or an error quotes.
func TestReports_failuresReachSentryScrubbed(t *testing.T) {
	t.Parallel()
	secrets := []string{
		"ada@example.com", "paint-the-sky-9", "refresh-cookie-3", "query-token-5", "header-word-2", "a prompt of hers", goodToken,
		"agent-of-hers", "127.0.0.1",
	}
	quoting := fmt.Errorf("draw %s: %w", strings.Join(secrets, " "), errors.New("it says "+strings.Join(secrets, " ")))
	for name, c := range map[string]struct {
		fails func()
		value string // what is told of the error
		frame string // a function that is in the stack, where there is one
	}{
		"unknown error": {fails: func() {}, value: "*errors.errorString"},
		"panic": {
			fails: func() { panic(quoting) }, value: "*edge.panicError", frame: "TestReports_failuresReachSentryScrubbed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sentry := sentrytest.New(t)
			reports, err := telemetry.OpenReports(sentry.DSN, "production")
			require.NoError(t, err)
			b := setup(t, func(cfg *Config) {
				cfg.Log = slog.New(telemetry.NewTraceContextHandler(reports.Handler(slog.DiscardHandler)))
			})
			b.impl.createProject = func(context.Context, api.CreateProjectRequestObject) (api.CreateProjectResponseObject, error) {
				c.fails()
				return nil, quoting
			}
			server := httptest.NewServer(b.Edge)
			defer server.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+base+"/project?token=query-token-5",
				strings.NewReader(`{"mode":"design","platform":"youtube","prompt":{"headline":"a prompt of hers","subtext":"ada@example.com"}}`))
			require.NoError(t, err)
			for header, value := range map[string]string{
				"Authorization": "Bearer " + goodToken, "Content-Type": "application/json", "Cookie": "mugshot_refresh=refresh-cookie-3",
				"X-Word": "header-word-2", "User-Agent": "agent-of-hers", "X-Request-Id": "r-1", "Idempotency-Key": "paint-the-sky-9",
			} {
				r.Header.Set(header, value)
			}
			answer, err := server.Client().Do(r)
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, http.StatusInternalServerError, answer.StatusCode)
			reports.Close(10 * time.Second)

			events := sentry.Events()
			require.Len(t, events, 1)
			require.Equal(t, map[string]string{
				"request_id": "r-1", "user_id": theUser.String(), "method": "POST", "route": base + "/project", "status": "500",
				"code": "internal",
			}, events[0].Tags)
			require.Equal(t, "request", events[0].Message)
			require.Equal(t, "error", events[0].Level)
			require.Len(t, events[0].Exception, 1)
			require.Equal(t, c.value, events[0].Exception[0].Value)
			if c.frame != "" {
				var functions []string
				for _, frame := range events[0].Exception[0].Stacktrace.Frames {
					functions = append(functions, frame.Function)
				}
				require.Contains(t, strings.Join(functions, " "), c.frame)
			}
			for _, secret := range append(secrets, "Bearer", "Cookie", "User-Agent", `"request":`, `"user":{"`, `"contexts"`) {
				require.NotContains(t, events[0].Raw, secret)
			}
		})
	}
}

// What the client did wrong is not reported.
func TestReports_4xxAreNotReported(t *testing.T) {
	t.Parallel()
	sentry := sentrytest.New(t)
	reports, err := telemetry.OpenReports(sentry.DSN, "production")
	require.NoError(t, err)
	b := setup(t, func(cfg *Config) { cfg.Log = slog.New(reports.Handler(slog.DiscardHandler)) })
	wrong := b.do(http.MethodPost, base+"/auth/signin", `{"email":"ada@example.com","password":"paint-the-sky-9"}`)
	requireProblem(t, wrong, http.StatusUnauthorized, apperr.CodeInvalidCredentials)
	requireProblem(t, b.do(http.MethodGet, base+"/nowhere", ""), http.StatusNotFound, apperr.CodeNotFound)
	reports.Close(10 * time.Second)
	require.Empty(t, sentry.Events())
}
