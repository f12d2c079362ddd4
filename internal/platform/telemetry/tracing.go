package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// scope is the instrumentation scope of the spans that the code itself makes.
const scope = "mugshot"

// TracingConfig says where traces are sent.
type TracingConfig struct {
	Endpoint    string            // of a collector that takes OTLP over HTTP, without /v1/traces
	Headers     map[string]string // that the collector requires
	Service     string
	Environment string
	Share       float64 // of requests that are traced, from 0 to 1
}

// Tracing makes the spans of a process. All methods work on a nil *Tracing, without spans and without cost.
type Tracing struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// OpenTracing starts to export spans in the background. It does not dial; while the collector is away, spans are lost and one
// warning is logged. The caller calls [Tracing.Close].
func OpenTracing(ctx context.Context, cfg TracingConfig, log *slog.Logger) (*Tracing, error) {
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(strings.TrimRight(cfg.Endpoint, "/")+"/v1/traces"), otlptracehttp.WithHeaders(cfg.Headers))
	if err != nil {
		return nil, fmt.Errorf("open OTLP exporter: %w", err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithBatcher(&scrubber{SpanExporter: exporter, log: log}),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(cfg.Share))),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", cfg.Service), attribute.String("deployment.environment.name", cfg.Environment),
		)),
	)
	return &Tracing{provider: provider, tracer: provider.Tracer(scope)}, nil
}

// Close sends what is not sent yet, until ctx ends.
func (t *Tracing) Close(ctx context.Context) {
	if t != nil {
		_ = t.provider.Shutdown(ctx) // the scrubber has logged a failure
	}
}

// Requests returns middleware that begins a span around each request, always in a new trace: clients decide neither which
// trace a request belongs to nor whether it is sampled. The trace of a client's header becomes a link. The HTTP edge names
// the span. It is nil for a nil *Tracing.
func (t *Tracing) Requests() func(http.Handler) http.Handler {
	if t == nil {
		return nil
	}
	return otelhttp.NewMiddleware("request", otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithMeterProvider(noopmetric.NewMeterProvider()), otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
		otelhttp.WithSpanNameFormatter(func(operation string, _ *http.Request) string { return operation }))
}

// Task returns handle with a tracer in its context, with which [tracecontext.Resume] continues the trace of the request that
// asked for the task.
func (t *Tracing) Task(handle func(context.Context, uuid.UUID) error) func(context.Context, uuid.UUID) error {
	if t == nil {
		return handle
	}
	return func(ctx context.Context, id uuid.UUID) error {
		return handle(tracecontext.WithTracer(ctx, t.tracer), id)
	}
}

// Calls returns a transport that makes a span for each call to a provider within a trace. It sends no header of the trace to
// the provider.
func (t *Tracing) Calls(next http.RoundTripper, provider string) http.RoundTripper {
	if t == nil {
		return next
	}
	return calls{next: next, RoundTripper: otelhttp.NewTransport(next, otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithMeterProvider(noopmetric.NewMeterProvider()),
		otelhttp.WithPropagators(propagation.NewCompositeTextMapPropagator()),
		otelhttp.WithFilter(func(r *http.Request) bool { return trace.SpanFromContext(r.Context()).IsRecording() }),
		otelhttp.WithSpanNameFormatter(func(string, *http.Request) string { return "call " + provider }))}
}

type calls struct {
	http.RoundTripper

	next http.RoundTripper
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transport.
func (c calls) CloseIdleConnections() {
	if closer, ok := c.next.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// Queries returns a tracer that makes a span for each statement within a trace; nil for a nil *Tracing.
func (t *Tracing) Queries() pgx.QueryTracer {
	if t == nil {
		return nil
	}
	return queries{t.tracer}
}
