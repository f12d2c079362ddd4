// Package tracecontext tells, wherever work is done, what it is done for: the request that asked for it, the job, reply or mail
// that it is, and the trace that it belongs to. A context carries the trail through a process; the rows of jobs, replies
// and mails carry it from the process that was asked to the one that works, however often a message is pushed again.
//
// It knows OpenTelemetry's interfaces alone. Where nobody traces, it costs a context value.
package tracecontext

import (
	"context"
	"log/slog"
	"slices"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// The names under which logs and spans have what a trail says.
const (
	RequestID = "request_id"
	UserID    = "user_id"
	JobID     = "job_id"
	MessageID = "message_id"
	MailID    = "mail_id"
	TraceID   = "trace_id"
	Kind      = "kind"
	Outcome   = "outcome"
)

// Origin is the request behind a piece of work, as its row keeps it. Nil: nobody knows.
type Origin struct {
	RequestID   *string
	Traceparent *string // W3C Trace Context; nil unless the request was sampled
}

// key is under what name a context has its trail, tracerKey its tracer.
type (
	key       struct{}
	tracerKey struct{}
)

// Carrier is a context with a trail, as With and Carry make it.
type Carrier struct {
	context.Context //nolint:containedctx // it is one, as those that package context makes

	attrs  []slog.Attr
	inline [2]slog.Attr // for the first of attrs: most trails are short, and each request has one
}

// Value implements context.Context.
func (c *Carrier) Value(name any) any {
	if _, mine := name.(key); mine {
		return c
	}
	return c.Context.Value(name)
}

// With returns a context whose logs say one thing more. name is one of the names above; value is an id or a name of ours.
func With(ctx context.Context, name, value string) context.Context {
	c := &Carrier{}
	c.Carry(ctx, name, value)
	return c
}

// Carry is With for a Carrier that is part of something else, and not yet used.
func (c *Carrier) Carry(ctx context.Context, name, value string) {
	c.Context = ctx
	c.attrs = append(append(c.inline[:0], attrs(ctx)...), slog.String(name, value))
}

// Add has ctx itself say one thing more. It is for whoever began its trail, while no other goroutine looks at it; a context
// without a trail stays without.
func Add(ctx context.Context, name, value string) {
	if c, ok := ctx.Value(key{}).(*Carrier); ok {
		c.attrs = append(c.attrs, slog.String(name, value))
	}
}

// WithTracer returns a context in which Resume begins spans.
func WithTracer(ctx context.Context, tracer trace.Tracer) context.Context {
	return context.WithValue(ctx, tracerKey{}, tracer)
}

// Attrs are what logs should say about the work of ctx.
func Attrs(ctx context.Context) []slog.Attr {
	known := attrs(ctx)
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		return append(slices.Clip(known), slog.String(TraceID, span.TraceID().String()))
	}
	return known
}

func attrs(ctx context.Context) []slog.Attr {
	if c, ok := ctx.Value(key{}).(*Carrier); ok {
		return c.attrs
	}
	return nil
}

// traceparent is the header's name, which is the carrier's, too.
const traceparent = "traceparent"

// From returns what a row should keep of ctx.
func From(ctx context.Context) Origin {
	var o Origin
	known := attrs(ctx)
	if i := slices.IndexFunc(known, func(a slog.Attr) bool { return a.Key == RequestID }); i >= 0 {
		o.RequestID = new(known[i].Value.String())
	}
	if trace.SpanContextFromContext(ctx).IsSampled() {
		carrier := propagation.MapCarrier{}
		propagation.TraceContext{}.Inject(ctx, carrier)
		o.Traceparent = new(carrier[traceparent])
	}
	return o
}

// Resume takes a trail up again where a worker begins with a row: name and id say which, kind what is done. The caller
// owes a call of end, with what came of it.
func Resume(ctx context.Context, o Origin, kind, name, id string) (resumed context.Context, end func(outcome string)) {
	if o.RequestID != nil {
		ctx = With(ctx, RequestID, *o.RequestID)
	}
	ctx = With(ctx, name, id)
	tracer, ok := ctx.Value(tracerKey{}).(trace.Tracer)
	if !ok {
		return ctx, func(string) {}
	}
	if o.Traceparent != nil {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceparent: *o.Traceparent})
	}
	ctx, span := tracer.Start(ctx, "run "+kind, trace.WithSpanKind(trace.SpanKindConsumer)) //nolint:spancheck // end ends it
	AnnotateSpan(ctx)
	return ctx, func(outcome string) { //nolint:spancheck // likewise
		span.SetAttributes(attribute.String(Outcome, outcome))
		if outcome == "failed" || outcome == "error" {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// AnnotateSpan gives the span of ctx the names that its logs have.
func AnnotateSpan(ctx context.Context) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	for _, a := range attrs(ctx) {
		span.SetAttributes(attribute.String(a.Key, a.Value.String()))
	}
}

// InSpan does one thing in a span of its own, if ctx is traced.
func InSpan(ctx context.Context, name string, kind trace.SpanKind, do func(ctx context.Context) error) error {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return do(ctx)
	}
	ctx, span := parent.TracerProvider().Tracer("mugshot").Start(ctx, name, trace.WithSpanKind(kind))
	defer span.End()
	err := do(ctx)
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	return err
}
