// Package tracecontext carries what a piece of work belongs to: the id of the request that asked for it, the ids of the
// user and of the job, reply or mail, and the trace. Logs and spans are labelled with it.
//
// Within a process a context carries these attributes ([With], [Attrs]). Between processes the rows of jobs, replies and
// mails carry them ([Origin]): the API process stores them ([From]), and the worker that claims the row takes them up
// again ([Resume]), however often the task was pushed.
//
// It depends on the interfaces of OpenTelemetry only, and works without tracing: then its cost is a context value.
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

// The names of the attributes, in logs and in spans.
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

// Origin is the request that asked for a piece of work, as the row of the work stores it.
type Origin struct {
	RequestID   *string // nil: the work was not asked for by a request
	Traceparent *string // W3C Trace Context; nil unless the request was sampled
}

type (
	key       struct{} // of a context's Carrier
	tracerKey struct{} // of a context's tracer
)

// Carrier is a context with attributes. [With] makes one; [Carrier.Carry] fills one that is part of another struct, which
// saves an allocation for each request.
type Carrier struct {
	context.Context //nolint:containedctx // a Carrier is a context, like those that package context makes

	attrs  []slog.Attr
	inline [2]slog.Attr // storage for the first attrs, since most contexts have few
}

// Value implements context.Context.
func (c *Carrier) Value(name any) any {
	if _, mine := name.(key); mine {
		return c
	}
	return c.Context.Value(name)
}

// With returns a context with one more attribute. name is one of the names above; value is an id, or a name that the code
// defines.
func With(ctx context.Context, name, value string) context.Context {
	c := &Carrier{}
	c.Carry(ctx, name, value)
	return c
}

// Carry makes c a context like the one that [With] returns. c must not be in use yet.
func (c *Carrier) Carry(ctx context.Context, name, value string) {
	c.Context = ctx
	c.attrs = append(append(c.inline[:0], attrs(ctx)...), slog.String(name, value))
}

// Add adds an attribute to ctx itself, if ctx has attributes already. Only the caller that made the context's [Carrier] may
// call it, while no other goroutine uses the context.
func Add(ctx context.Context, name, value string) {
	if c, ok := ctx.Value(key{}).(*Carrier); ok {
		c.attrs = append(c.attrs, slog.String(name, value))
	}
}

// WithTracer returns a context in which [Resume] begins spans.
func WithTracer(ctx context.Context, tracer trace.Tracer) context.Context {
	return context.WithValue(ctx, tracerKey{}, tracer)
}

// Attrs returns the attributes of ctx for a log line, with the trace id if the trace is sampled. The caller must not change
// them.
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

// traceparent is the name of the header of W3C Trace Context, under which propagation carriers have its value.
const traceparent = "traceparent"

// From returns the [Origin] to store with work that ctx asks for.
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

// Resume returns a context for a worker that begins to work on a row, with the attributes of its origin and the row's id;
// name is the attribute of the id. With a tracer ([WithTracer]) it begins a span "run "+kind in the origin's trace. The caller
// calls end with the outcome when the work is over.
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
	ctx, span := tracer.Start(ctx, "run "+kind, trace.WithSpanKind(trace.SpanKindConsumer)) //nolint:spancheck // the returned function ends it
	AnnotateSpan(ctx)
	return ctx, func(outcome string) { //nolint:spancheck // likewise
		span.SetAttributes(attribute.String(Outcome, outcome))
		if outcome == "failed" || outcome == "error" {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// AnnotateSpan sets the attributes of ctx on its span, under the names that they have in logs.
func AnnotateSpan(ctx context.Context) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	for _, a := range attrs(ctx) {
		span.SetAttributes(attribute.String(a.Key, a.Value.String()))
	}
}

// InSpan calls do in a span of its own, if ctx is traced, and otherwise just calls it. An error sets the span's status, without
// its text.
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
