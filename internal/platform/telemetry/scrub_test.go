package telemetry

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

func TestScrubber_letsNothingOutThatWasNotChosen(t *testing.T) {
	t.Parallel()
	const secret = "paint-the-sky-9"
	out := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(&scrubber{SpanExporter: out, log: slog.New(slog.DiscardHandler)}))
	state, err := trace.ParseTraceState("vendor=" + secret)
	require.NoError(t, err)
	strange := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceState: state})
	_, span := provider.Tracer("test").Start(t.Context(), "named by us", trace.WithLinks(
		trace.Link{SpanContext: strange, Attributes: []attribute.KeyValue{attribute.String("agent", secret)}}))
	span.SetAttributes(attribute.String(tracecontext.JobID, "7"), attribute.String("url.full", secret))
	span.AddEvent(secret)
	span.RecordError(errors.New(secret))
	span.SetStatus(codes.Error, secret)
	span.End()

	spans := out.GetSpans()
	require.Len(t, spans, 1)
	require.Equal(t, []attribute.KeyValue{attribute.String(tracecontext.JobID, "7")}, spans[0].Attributes)
	require.Empty(t, spans[0].Events)
	require.Equal(t, sdk.Status{Code: codes.Error}, spans[0].Status)
	require.Len(t, spans[0].Links, 1)
	require.Equal(t, strange.TraceID(), spans[0].Links[0].SpanContext.TraceID())
	require.Empty(t, spans[0].Links[0].SpanContext.TraceState().String())
	require.Empty(t, spans[0].Links[0].Attributes)
}
