package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// A change of what may leave the process has to be made here too.
func TestScrubber_letsTheseAttributesOut(t *testing.T) {
	t.Parallel()
	chosen := []string{
		"db.response.status_code", "db.system.name", "http.request.body.size", "http.request.method",
		"http.response.body.size", "http.response.status_code", "http.route", "job_id", "mail_id", "message_id", "outcome",
		"request_id", "user_id",
	}
	out := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(&scrubber{SpanExporter: out, log: slog.New(slog.DiscardHandler)}))
	_, span := provider.Tracer("test").Start(t.Context(), "named by us")
	for _, name := range append(slices.Clone(chosen),
		"url.full", "url.path", "url.query", "user_agent.original", "client.address", "network.peer.address", "server.address",
		"http.request.header.authorization", "http.request.header.cookie", "db.query.text", "exception.message", "enduser.id",
	) {
		span.SetAttributes(attribute.String(name, "x"))
	}
	span.End()
	var left []string
	for _, a := range out.GetSpans()[0].Attributes {
		left = append(left, string(a.Key))
	}
	slices.Sort(left)
	require.Equal(t, chosen, left)
}

// flaky is an exporter whose collector is away at times.
type flaky struct {
	sdk.SpanExporter

	err error
}

func (f *flaky) ExportSpans(context.Context, []sdk.ReadOnlySpan) error { return f.err }

// The outage of a collector is logged once, and its end once; the SDK gets no error.
func TestScrubber_logsAnOutageOnce(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	collector := &flaky{}
	s := &scrubber{SpanExporter: collector, log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, err := range []error{nil, errors.New("refused"), errors.New("refused"), nil, nil} {
		collector.err = err
		require.NoError(t, s.ExportSpans(t.Context(), nil))
	}
	require.Equal(t, 1, strings.Count(log.String(), "traces are not taken\""))
	require.Equal(t, 1, strings.Count(log.String(), "traces are taken again"))
}
