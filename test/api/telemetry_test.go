package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/conformance/providertest"
	"github.com/mugshot-studio/backend/test/fakes/geminifake"
	"github.com/mugshot-studio/backend/test/kit/apptest"
	"github.com/mugshot-studio/backend/test/kit/logtest"
)

// logged returns the first line of a log that has these attributes, or nil.
func logged(t *testing.T, log string, attrs map[string]any) map[string]any {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(log))
	lines.Buffer(nil, 1<<20)
next:
	for lines.Scan() {
		var line map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		for name, value := range attrs {
			if line[name] != value {
				continue next
			}
		}
		return line
	}
	return nil
}

func asRequest(id string) client.RequestEditorFn {
	return func(_ context.Context, r *http.Request) error { r.Header.Set("X-Request-Id", id); return nil }
}

// The id of a request that a user reports leads to the API's log line, the job's row, the worker's log lines and the whole
// trace, whichever process wrote them.
func TestTelemetry_oneRequestIsFoundEverywhere(t *testing.T) {
	t.Parallel()
	traces, vendor := newOTLPFake(t), geminifake.New(t)
	apiLog, workerLog := &logtest.Buffer{}, &logtest.Buffer{}
	debug := &slog.HandlerOptions{Level: slog.LevelDebug}
	api := onGemini(t, vendor, apptest.With("OTEL_EXPORTER_OTLP_ENDPOINT", traces.URL), apptest.WithLog(slog.NewJSONHandler(apiLog, debug)))
	apptest.New(t, apptest.Beside(api), apptest.WithWorker(), apptest.WithLog(slog.NewJSONHandler(workerLog, debug)))
	who := api.SignUp(t)
	api.Grant(t, who.Email, 10)
	const id = "reported-by-ada"
	queued, err := who.QueueProjectWithResponse(t.Context(), createProject(t, who, draft()).ID, nil,
		client.QueueRequest{Quality: client.QualityStd, Variants: 1}, asRequest(id))
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)
	job := follow(t, who, queued.JSON201.JobID, nil)
	require.Equal(t, client.JobStatusSucceeded, job.Status, "%+v", job.Error)

	row, err := api.Store.Queries().JobGet(t.Context(), db.JobGetParams{ID: job.ID, UserID: who.Session.User.ID})
	require.NoError(t, err)
	require.Equal(t, id, *row.RequestID)
	request := logged(t, apiLog.String(), map[string]any{"msg": "request", "request_id": id})
	require.NotNil(t, request)
	require.Equal(t, who.Session.User.ID.String(), request["user_id"])
	trace := request["trace_id"].(string)
	require.Contains(t, *row.Traceparent, trace)
	var task map[string]any
	require.Eventually(t, func() bool {
		task = logged(t, workerLog.String(), map[string]any{"msg": "task", "request_id": id, "outcome": "succeeded"})
		return task != nil
	}, 20*time.Second, 20*time.Millisecond)
	require.Equal(t, job.ID.String(), task["job_id"])
	require.Equal(t, trace, task["trace_id"])

	// Spans are sent every five seconds.
	require.Eventually(t, func() bool {
		spans := traces.trace(trace)
		return named(spans, "run generate") && named(spans, "push generate")
	}, 20*time.Second, 50*time.Millisecond)
	spans := traces.trace(trace)
	for _, name := range []string{
		"POST /api/v1/project/:project_id/queue", "JobQueue", "push generate", "run generate", "JobSucceed",
		"call gemini", "JobSucceed",
	} {
		if name != "run generate" && name != "push generate" && !strings.Contains(name, " ") {
			name = "sql " + name
		}
		require.True(t, named(spans, name), name)
	}
	requireWhole(t, spans)
	require.Contains(t, traces.said(), id)
	for source, text := range map[string]string{"traces": traces.said(), "API's log": apiLog.String(), "worker's log": workerLog.String()} {
		for _, secret := range []string{
			providertest.Key, "I built a robot", who.Email, apptest.Password, who.Session.SessionToken, "token=", "insert into",
			"X-Goog-Api-Key", "127.0.0.1",
		} {
			if secret == "127.0.0.1" && source != "traces" {
				continue // a log may name our own servers
			}
			require.NotContains(t, text, secret, source)
		}
	}
}

// The tasks of a mail and of a reply log the id of their request as well.
func TestTelemetry_mailsAndRepliesKnowTheirRequest(t *testing.T) {
	t.Parallel()
	log := &logtest.Buffer{}
	app := apptest.New(t, apptest.WithWorker(), apptest.WithLog(slog.NewJSONHandler(log, nil)))
	wish := apptest.NewAccount()
	created, err := app.Client("").SignUpWithResponse(t.Context(), wish, asRequest("signs-up"))
	require.NoError(t, err)
	require.NotNil(t, created.JSON201, "%s", created.Body)
	app.Code(t, wish.Email)
	who := app.SignUp(t)
	chat, err := who.NewChatWithResponse(t.Context(), client.ChatCreate{})
	require.NoError(t, err)
	require.NotNil(t, chat.JSON201, "%s", chat.Body)
	sent, err := who.SendMessageWithResponse(t.Context(), chat.JSON201.ChatID, nil,
		client.MessageCreate{Content: "Louder."}, asRequest("talks"))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, sent.StatusCode(), "%s", sent.Body)
	for request, name := range map[string]string{"signs-up": "mail_id", "talks": "message_id"} {
		require.Eventually(t, func() bool {
			line := logged(t, log.String(), map[string]any{"msg": "task", "request_id": request, "outcome": "succeeded"})
			return line != nil && line[name] != nil
		}, 20*time.Second, 20*time.Millisecond, request)
	}
	require.NotContains(t, log.String(), "trace_id", "tracing is off")
}

// The sweeper pushes nothing but a task's id. The attempt that follows still belongs to the request: it logs the request's id,
// and its span is part of the request's trace, beside that of the first attempt.
func TestTelemetry_sweepersPushKeepsTheTrace(t *testing.T) {
	t.Parallel()
	traces, log := newOTLPFake(t), &logtest.Buffer{}
	var tries atomic.Int32
	app := apptest.New(t, apptest.WithWorker(), apptest.With("OTEL_EXPORTER_OTLP_ENDPOINT", traces.URL),
		apptest.WithLog(slog.NewJSONHandler(log, nil)),
		studio(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
			if tries.Add(1) == 1 {
				return &providers.Error{Provider: "painter", Class: providers.Transient, Reason: "TEST", Cause: io.ErrUnexpectedEOF}
			}
			return paint(ctx, req, sink)
		}))
	who := app.SignUp(t)
	app.Grant(t, who.Email, 1)
	queued, err := who.QueueProjectWithResponse(t.Context(), createProject(t, who, draft()).ID, nil, order(), asRequest("swept"))
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)
	job := follow(t, who, queued.JSON201.JobID, nil)
	require.Equal(t, client.JobStatusSucceeded, job.Status, "%+v", job.Error)
	require.EqualValues(t, 2, job.Attempt)

	require.NotNil(t, logged(t, log.String(), map[string]any{"msg": "pushed tasks again", "kind": "generate"}), "by the sweeper")
	request := logged(t, log.String(), map[string]any{"msg": "request", "request_id": "swept"})
	require.NotNil(t, request)
	for _, outcome := range []string{"retried", "succeeded"} {
		var task map[string]any
		require.Eventually(t, func() bool {
			task = logged(t, log.String(), map[string]any{"msg": "task", "job_id": job.ID.String(), "outcome": outcome})
			return task != nil
		}, 20*time.Second, 20*time.Millisecond, outcome)
		require.Equal(t, "swept", task["request_id"], outcome)
		require.Equal(t, request["trace_id"], task["trace_id"], outcome)
	}
	var spans map[string]*otlp.Span
	require.Eventually(t, func() bool { // spans are sent every five seconds
		spans = traces.trace(request["trace_id"].(string))
		return count(spans, "run generate") == 2 && named(spans, "sql JobSucceed")
	}, 20*time.Second, 50*time.Millisecond)
	requireWhole(t, spans)
}

// The statements of a transaction are part of the trace of the request that caused it.
func TestTelemetry_transactionsAreInTheTrace(t *testing.T) {
	t.Parallel()
	traces, log := newOTLPFake(t), &logtest.Buffer{}
	app := apptest.New(t, apptest.With("OTEL_EXPORTER_OTLP_ENDPOINT", traces.URL), apptest.WithLog(slog.NewJSONHandler(log, nil)))
	who, queued := queuedJob(t, app, 1)
	canceled, err := who.CancelJobWithResponse(t.Context(), queued.JobID, asRequest("cancels"))
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, canceled.StatusCode(), "%s", canceled.Body)
	line := logged(t, log.String(), map[string]any{"msg": "request", "request_id": "cancels"})
	require.NotNil(t, line)
	var spans map[string]*otlp.Span
	require.Eventually(t, func() bool {
		spans = traces.trace(line["trace_id"].(string))
		return named(spans, "POST /api/v1/jobs/:job_id/cancel")
	}, 20*time.Second, 50*time.Millisecond)
	requireWhole(t, spans)
	for _, name := range []string{"sql begin", "sql JobEnd", "sql commit"} {
		require.Equal(t, 1, count(spans, name), name)
	}
}
