package api_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/providers/providertest"
	"github.com/mugshot-studio/backend/internal/providers/providertest/geminifake"
	"github.com/mugshot-studio/backend/internal/testkit/apptest"
)

// otlpFake is a collector of traces, as OTLP over HTTP has it.
type otlpFake struct {
	*httptest.Server

	mu    sync.Mutex
	spans []*otlp.Span
	raw   strings.Builder // everything that it was sent
}

func newOTLPFake(t *testing.T) *otlpFake {
	t.Helper()
	f := &otlpFake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var sent collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(body, &sent) != nil || r.URL.Path != "/v1/traces" {
			http.Error(w, "no traces", http.StatusBadRequest)
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.raw.WriteString(sent.String())
		for _, resource := range sent.GetResourceSpans() {
			for _, scope := range resource.GetScopeSpans() {
				f.spans = append(f.spans, scope.GetSpans()...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(f.Close)
	return f
}

// trace returns the spans of a trace by their ids.
func (f *otlpFake) trace(id string) map[string]*otlp.Span {
	f.mu.Lock()
	defer f.mu.Unlock()
	spans := map[string]*otlp.Span{}
	for _, span := range f.spans {
		if hex.EncodeToString(span.GetTraceId()) == id {
			spans[hex.EncodeToString(span.GetSpanId())] = span
		}
	}
	return spans
}

func (f *otlpFake) said() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.raw.String()
}

func named(spans map[string]*otlp.Span, name string) bool {
	for _, span := range spans {
		if span.GetName() == name {
			return true
		}
	}
	return false
}

// logged finds the line of a log that has these attributes.
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

// Somebody reports a request: its id leads to the API's line, the job's row, the worker's lines and the whole trace, in
// whichever process each was made.
func TestTelemetry_oneRequestIsFoundEverywhere(t *testing.T) {
	t.Parallel()
	traces, vendor := newOTLPFake(t), geminifake.New(t)
	apiLog, workerLog := &syncBuffer{}, &syncBuffer{}
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
		"POST /api/v1/project/:project_id/queue", "JobQueue", "push generate", "run generate", "PromptGet",
		"call gemini", "JobSucceed",
	} {
		if name != "run generate" && name != "push generate" && !strings.Contains(name, " ") {
			name = "sql " + name
		}
		require.True(t, named(spans, name), name)
	}
	roots := 0
	for _, span := range spans {
		if len(span.GetParentSpanId()) == 0 {
			roots++
		} else {
			require.Contains(t, spans, hex.EncodeToString(span.GetParentSpanId()), "%s hangs in the air", span.GetName())
		}
	}
	require.Equal(t, 1, roots)
	require.Contains(t, traces.said(), id)
	for place, text := range map[string]string{"traces": traces.said(), "API's log": apiLog.String(), "worker's log": workerLog.String()} {
		for _, secret := range []string{
			providertest.Key, "I built a robot", who.Email, apptest.Password, who.Session.SessionToken, "token=", "insert into",
			"X-Goog-Api-Key", "127.0.0.1",
		} {
			if secret == "127.0.0.1" && place != "traces" {
				continue // a log may name our own servers
			}
			require.NotContains(t, text, secret, place)
		}
	}
}

// A mail and a reply know their request as well.
func TestTelemetry_mailsAndRepliesKnowTheirRequest(t *testing.T) {
	t.Parallel()
	log := &syncBuffer{}
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
	require.NotContains(t, log.String(), "trace_id", "nobody traces")
}

// What was given up is reported, with ids and without anything that was said.
func TestTelemetry_deadTasksAreReported(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var reported strings.Builder
	sentry := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		reported.Write(body)
	}))
	t.Cleanup(sentry.Close)
	read := func() string {
		mu.Lock()
		defer mu.Unlock()
		return reported.String()
	}
	vendor := geminifake.New(t)
	vendor.Fail(providertest.BadKey, 0)
	app := onGemini(t, vendor, apptest.WithWorker(), quiet(), apptest.With("SENTRY_DSN", strings.Replace(sentry.URL, "://", "://publickey@", 1)+"/7"))
	who := app.SignUp(t)
	app.Grant(t, who.Email, 10)
	queued, err := who.QueueProjectWithResponse(t.Context(), createProject(t, who, draft()).ID, nil, order(), asRequest("dies"))
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)
	require.Equal(t, client.JobStatusFailed, follow(t, who, queued.JSON201.JobID, nil).Status)
	require.Eventually(t, func() bool { return strings.Contains(read(), "job given up") }, 20*time.Second, 20*time.Millisecond)
	text := read()
	require.Contains(t, text, `"request_id":"dies"`)
	require.Contains(t, text, queued.JSON201.JobID.String())
	for _, secret := range []string{providertest.Key, "I built a robot", who.Email, who.Session.SessionToken, "Authorization", vendor.URL} {
		require.NotContains(t, text, secret)
	}
}
