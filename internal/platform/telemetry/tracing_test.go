package telemetry

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// traced is a Tracing whose spans are kept in memory.
func traced(sampler sdk.Sampler) (*Tracing, *tracetest.InMemoryExporter) {
	out := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSampler(sdk.ParentBased(sampler)),
		sdk.WithSyncer(&scrubber{SpanExporter: out, log: slog.New(slog.DiscardHandler)}))
	return &Tracing{provider: provider, tracer: provider.Tracer(scope)}, out
}

// strange is a header with which a client claims that its request belongs to a sampled trace.
const strange = "0af7651916cd43dd8448eb211c80319c"

// A client decides neither to which trace its request belongs nor whether it is sampled; its trace becomes a link.
func TestRequests_beginATraceOfOurs(t *testing.T) {
	t.Parallel()
	ask := func(sampler sdk.Sampler) tracetest.SpanStubs {
		tracing, out := traced(sampler)
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		r.Header.Set("Traceparent", "00-"+strange+"-b7ad6b7169203331-01")
		tracing.Requests()(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		return out.GetSpans()
	}
	spans := ask(sdk.AlwaysSample())
	require.Len(t, spans, 1)
	require.NotEqual(t, strange, spans[0].SpanContext.TraceID().String())
	require.False(t, spans[0].Parent.IsValid())
	require.Len(t, spans[0].Links, 1)
	require.Equal(t, strange, spans[0].Links[0].SpanContext.TraceID().String())
	require.Empty(t, ask(sdk.NeverSample()))
}

// A provider gets no header of the trace that a call belongs to, and outside of a trace no span is made.
func TestCalls_tellTheProviderNothing(t *testing.T) {
	t.Parallel()
	tracing, out := traced(sdk.AlwaysSample())
	var headers http.Header
	vendor := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { headers = r.Header }))
	defer vendor.Close()
	client := &http.Client{Transport: tracing.Calls(vendor.Client().Transport, "gemini")}
	ctx, span := tracing.tracer.Start(t.Context(), "run generate")
	for _, r := range []*http.Request{
		must(http.NewRequestWithContext(ctx, http.MethodGet, vendor.URL, http.NoBody)),
		must(http.NewRequestWithContext(t.Context(), http.MethodGet, vendor.URL, http.NoBody)),
	} {
		answer, err := client.Do(r)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Empty(t, headers.Get("Traceparent"))
		require.Empty(t, headers.Get("Baggage"))
	}
	span.End()
	spans := out.GetSpans()
	require.Len(t, spans, 2)
	require.Equal(t, "call gemini", spans[0].Name)
	require.Equal(t, trace.SpanKindClient, spans[0].SpanKind)
	require.Equal(t, span.SpanContext().SpanID(), spans[0].Parent.SpanID())
}

func must(r *http.Request, err error) *http.Request {
	if err != nil {
		panic(err) // a test's own address
	}
	return r
}

// The span of a statement has its name and, after a failure, its code. Outside of a trace there is no span.
func TestQueries_tellNamesAndCodes(t *testing.T) {
	t.Parallel()
	tracing, out := traced(sdk.AlwaysSample())
	tracer := tracing.Queries()
	ctx, span := tracing.tracer.Start(t.Context(), "request")
	for sql, err := range map[string]error{
		"-- name: JobGet :one\nselect 'secret'": nil, "select 'secret'": &pgconn.PgError{Code: "42P01", Message: "secret"}, "begin": nil,
	} {
		tracer.TraceQueryEnd(tracer.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{SQL: sql}), nil, pgx.TraceQueryEndData{Err: err})
	}
	outside := tracer.TraceQueryStart(t.Context(), nil, pgx.TraceQueryStartData{SQL: "-- name: Sweep :one"})
	tracer.TraceQueryEnd(outside, nil, pgx.TraceQueryEndData{})
	tracer.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{})
	require.True(t, span.IsRecording(), "only a statement's own span ends with it")
	span.End()

	spans := map[string]tracetest.SpanStub{}
	for _, s := range out.GetSpans() {
		spans[s.Name] = s
	}
	require.Len(t, spans, 4)
	require.Contains(t, spans, "sql JobGet")
	require.Equal(t, codes.Unset, spans["sql JobGet"].Status.Code)
	require.Contains(t, spans, "sql begin")
	failed := spans["sql unnamed"]
	require.Equal(t, sdk.Status{Code: codes.Error}, failed.Status)
	require.Equal(t, []attribute.KeyValue{
		attribute.String("db.system.name", "postgresql"), attribute.String("db.response.status_code", "42P01"),
	}, failed.Attributes)
}
