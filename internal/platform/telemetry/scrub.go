package telemetry

import (
	"context"
	"log/slog"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// allowed are the attributes that may leave the process: names and numbers that the code defines, and ids. All other
// attributes that a library may set, such as addresses, paths, queries and user agents, are removed; so are events and
// descriptions of errors, which may quote data.
var allowed = map[attribute.Key]bool{
	tracecontext.RequestID: true, tracecontext.UserID: true, tracecontext.JobID: true, tracecontext.MessageID: true, tracecontext.MailID: true,
	tracecontext.Outcome:  true,
	"http.route":          true,
	"http.request.method": true, "http.response.status_code": true,
	"http.request.body.size": true, "http.response.body.size": true,
	"db.system.name": true, "db.response.status_code": true,
}

// scrubber removes from spans what must not leave the process.
type scrubber struct {
	sdk.SpanExporter

	log    *slog.Logger
	failed atomic.Bool // the last export failed, which has been logged
}

// ExportSpans implements sdk.SpanExporter. A failure is logged here, since the SDK would write to standard error.
func (s *scrubber) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	scrubbed := make([]sdk.ReadOnlySpan, len(spans))
	for i, span := range spans {
		scrubbed[i] = scrubbedSpan{span}
	}
	err := s.SpanExporter.ExportSpans(ctx, scrubbed)
	if failed := err != nil; s.failed.Swap(failed) != failed {
		if failed {
			s.log.WarnContext(ctx, "traces are not taken", "error", err)
		} else {
			s.log.InfoContext(ctx, "traces are taken again")
		}
	}
	return nil
}

// scrubbedSpan is a span without what must not leave the process.
type scrubbedSpan struct{ sdk.ReadOnlySpan }

// Attributes implements sdk.ReadOnlySpan.
func (s scrubbedSpan) Attributes() []attribute.KeyValue {
	var kept []attribute.KeyValue
	for _, a := range s.ReadOnlySpan.Attributes() {
		if allowed[a.Key] {
			kept = append(kept, a)
		}
	}
	return kept
}

// Events implements sdk.ReadOnlySpan.
func (scrubbedSpan) Events() []sdk.Event { return nil }

// Status implements sdk.ReadOnlySpan.
func (s scrubbedSpan) Status() sdk.Status { return sdk.Status{Code: s.ReadOnlySpan.Status().Code} }

// Links implements sdk.ReadOnlySpan. It removes trace states, whose text clients choose.
func (s scrubbedSpan) Links() []sdk.Link {
	var links []sdk.Link
	for _, l := range s.ReadOnlySpan.Links() {
		links = append(links, sdk.Link{SpanContext: l.SpanContext.WithTraceState(trace.TraceState{})})
	}
	return links
}
