package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// Served describes an answered request, for metrics and traces. Its labels are few and contain nothing that a client sent.
type Served struct {
	Route    string // the path's template, such as /api/v1/jobs/:job_id; "unmatched" where there is none
	Method   string // an HTTP method that we know, or "other"
	Status   int    // 499: the client went away, or was cut off, before the answer was whole
	Duration time.Duration
	Bytes    int64 // of the answer's body
}

const unmatched = "unmatched"

// observe is the outermost layer: it gives the call its identity, turns panics and errors into answers, and writes one log
// entry about it. The entry has the client's address, so that forged tokens and guesses leave a trace. It has no query, no
// header and no body, because that is where passwords, tokens and signed addresses are; and the route's template instead of
// the path, because that is where ids are.
//
// Between it and the handler is one function and no chain: Echo makes the closures of a chain anew for each request.
func (e *Edge) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := e.cfg.Now()
		r := c.Request()
		connected := r.Context()
		call := &call{id: e.requestID(r), client: e.client(r), events: e.streams.NewSlot()}
		c.SetRequest(r.WithContext(e.workContext(r, call)))
		h := c.Response().Header()
		h[headerRequestID] = []string{call.id}
		if e.unready.Load() {
			h.Set("Connection", "close")
		}

		err := e.protect(c, next)
		streams := err == nil && call.events.IsFilled()
		if streams {
			var detached bool
			if detached, err = e.openStream(connected, c, call, start); detached {
				return nil
			}
		}
		begun := c.Response().Committed
		if err != nil {
			e.fail(c, err)
		}
		served := servedBy(c)
		served.Status, served.Bytes = c.Response().Status, c.Response().Size
		ctx := c.Request().Context()
		nameSpan(ctx, served)
		e.recordServed(ctx, call, served, start)
		if err != nil && mustCut(call.failure, begun, streams && !isPanic(err)) {
			panic(http.ErrAbortHandler)
		}
		return nil
	}
}

// workContext is the context of everything that a request asks for. It does not end when the client disconnects: net/http
// ends its own as soon as a client closes its half of the connection, as one may behind a whole request, and a request that
// has arrived whole is done and answered. It has a deadline instead. Mounted handlers set their own.
func (e *Edge) workContext(r *http.Request, c *call) context.Context {
	values := context.WithoutCancel(r.Context())
	if e.isMounted(r) {
		return newRequestContext(values, values, c)
	}
	return newRequestContext(values, e.deadlines.get(), c)
}

// mustCut reports whether a failed call has to end with its connection. Where half an answer went out, that is the only way
// left to say that it is not whole; and where none did, net/http would send an empty 200. A stream needs neither: its
// client sees by its last event whether something is missing.
func mustCut(f failure, begun, stream bool) bool {
	if begun {
		return !stream
	}
	return f.answer == nil
}

// openStream answers with events. A stream that outlives its handler is recorded when it ends; another one ends with
// connected, the context that net/http ends when the client disconnects.
func (e *Edge) openStream(connected context.Context, c echo.Context, call *call, start time.Time) (detached bool, err error) {
	served, ctx := servedBy(c), detachedContext{call}
	//nolint:contextcheck // it is made from connected
	r := c.Request().WithContext(newRequestContext(connected, connected, call))
	w := c.Response().Writer // net/http's own: Echo uses its again when the handler has returned
	if e.cfg.SessionAlive != nil && call.principal != nil {
		call.events.Alive = func(ctx context.Context) bool {
			alive, err := e.cfg.SessionAlive(ctx, call.known)
			return alive || err != nil // it is asked again, and the stream has a lifetime
		}
	}
	//nolint:contextcheck // the stream outlives its request
	detached, sent, err := call.events.Open(ctx, w, r, func(err error, sent int64) {
		if err != nil {
			e.recordFailure(ctx, call, fromStream(err))
		}
		served.Status, served.Bytes = http.StatusOK, sent
		e.recordServed(ctx, call, served, start)
	})
	if sent > 0 { // attached, and beyond Echo's sight
		c.Response().Committed, c.Response().Status, c.Response().Size = true, http.StatusOK, sent
	}
	return detached, fromStream(err)
}

// fromStream makes of a stream's panic what a handler's becomes.
func fromStream(err error) error {
	if p, ok := errors.AsType[*events.PanicError](err); ok {
		return &panicError{value: p.Value, stack: p.Stack}
	}
	return err
}

// servedBy is what is known of an answer before it is given.
func servedBy(c echo.Context) Served {
	return Served{Route: route(c), Method: method(c.Request().Method)}
}

// recordServed writes an answer that is complete into the log and the metrics.
func (e *Edge) recordServed(ctx context.Context, call *call, served Served, start time.Time) {
	end := e.cfg.Now()
	served.Duration = end.Sub(start)
	if call.failure.status == statusClientGone {
		served.Status = statusClientGone
	}
	e.log(ctx, call, served, end)
	if e.cfg.Observe != nil {
		e.cfg.Observe(ctx, served)
	}
}

// protect answers a call, and makes an error of a panic.
func (e *Edge) protect(c echo.Context, next echo.HandlerFunc) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: v, stack: debug.Stack()}
		}
	}()
	mounted := e.isMounted(c.Request())
	e.securityHeaders(c, mounted)
	switch {
	case e.cors(c):
		return c.NoContent(http.StatusNoContent)
	case !mounted && !isTidy(c.Request().URL):
		return errNoRoute
	}
	return next(c)
}

// log writes the entry. It gives the log's handler a record that it made itself, since a Logger would look up its caller,
// which is the same for every entry.
func (e *Edge) log(ctx context.Context, call *call, served Served, at time.Time) {
	level := slog.LevelInfo
	if served.Route == "/healthz" || served.Route == "/readyz" {
		level = slog.LevelDebug
	}
	failed := call.failure.code != "" && call.failure.status >= http.StatusInternalServerError
	if failed {
		level = slog.LevelError
	}
	handler := e.cfg.Log.Handler()
	if !handler.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 11)
	attrs = append(attrs,
		slog.String("request_id", call.id),
		slog.String("method", served.Method),
		slog.String("route", served.Route),
		slog.Int("status", served.Status),
		slog.Duration("duration", served.Duration),
		slog.Int64("bytes", served.Bytes),
	)
	if call.client.IP != "" {
		attrs = append(attrs, slog.String("client_ip", call.client.IP))
	}
	if call.user != "" {
		attrs = append(attrs, slog.String("user_id", call.user))
	}
	if f := call.failure; f.code != "" {
		attrs = append(attrs, slog.String("code", string(f.code)))
		if failed { // 4xx are the client's, and may quote it
			attrs = append(attrs, slog.Any("error", f.err))
			if p, ok := errors.AsType[*panicError](f.err); ok {
				attrs = append(attrs, slog.String("stack", string(p.stack)))
			}
		}
	}
	record := slog.NewRecord(at, level, "request", 0)
	record.AddAttrs(attrs...)
	_ = handler.Handle(ctx, record) // as a Logger does: an error of the log has nowhere to go
}

// nameSpan calls the span of a request after its operation, which only the router knows, and gives it the names in the log.
func nameSpan(ctx context.Context, served Served) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetName(served.Method + " " + served.Route)
		span.SetAttributes(attribute.String("http.route", served.Route))
		tracecontext.AnnotateSpan(ctx)
	}
}

func route(c echo.Context) string {
	if path := c.Path(); path != "" {
		return path
	}
	return unmatched
}

// method keeps invented methods out of metrics. It returns constants and no part of the request, which a stream would keep
// alive.
func method(m string) string {
	for _, known := range [...]string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
	} {
		if m == known {
			return known
		}
	}
	return "other"
}
