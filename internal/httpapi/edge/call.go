package edge

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/internal/httpapi/sse"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// call is what the edge knows of the request that it is serving. Each layer fills in its part; one goroutine owns it.
type call struct {
	id        string // X-Request-Id
	client    Client
	token     bool       // a bearer token was presented, good or bad
	principal *Principal // nil: not authenticated
	user      string     // the id of the principal's account, as text; "" without one
	events    sse.Slot   // for the stream that answers the call, if one does
	failure   failure    // what problem.go answered, for the access log

	known Principal // what principal points at
}

// setPrincipal records the account that asks.
func (c *call) setPrincipal(p Principal) {
	c.known = p
	c.principal, c.user = &c.known, p.UserID.String()
	c.events.Owner = c.user
}

// requestContext is the context of a request: one value for everything that the edge knows of it, and an end that it may
// share with other requests.
type requestContext struct {
	tracecontext.Carrier

	call *call
	end  context.Context //nolint:containedctx // a requestContext is a context
}

// newRequestContext returns a context with the values of one context that ends with another, which may be the same.
func newRequestContext(values, end context.Context, c *call) *requestContext {
	r := &requestContext{call: c, end: end}
	r.Carry(values, tracecontext.RequestID, c.id)
	return r
}

// Deadline implements context.Context.
func (r *requestContext) Deadline() (deadline time.Time, ok bool) { return r.end.Deadline() }

// Done implements context.Context.
func (r *requestContext) Done() <-chan struct{} { return r.end.Done() }

// Err implements context.Context.
func (r *requestContext) Err() error { return r.end.Err() }

// AfterFunc is what package context calls to end the contexts that are made from r; without it, it would start a goroutine
// for each.
func (r *requestContext) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(r.end, f) }

// Value implements context.Context.
func (r *requestContext) Value(key any) any {
	switch key.(type) {
	case callKey:
		return r.call
	case sse.SlotKey:
		return &r.call.events
	}
	return r.Carrier.Value(key)
}

// detachedContext is the context of a stream that outlives its handler. It is not net/http's, which ends with the handler
// and keeps what the connection needed; and it makes its values when asked, since of the thousands of streams that wait few
// are asked.
type detachedContext struct{ call *call }

// Deadline implements context.Context.
func (detachedContext) Deadline() (deadline time.Time, ok bool) { return time.Time{}, false }

// Done implements context.Context.
func (detachedContext) Done() <-chan struct{} { return nil }

// Err implements context.Context.
func (detachedContext) Err() error { return nil }

// Value implements context.Context.
func (c detachedContext) Value(key any) any {
	if _, ok := key.(callKey); ok {
		return c.call
	}
	return tracecontext.With(context.Background(), tracecontext.RequestID, c.call.id).Value(key)
}

type callKey struct{}

// callFrom returns the call of a request that has passed through an Edge. It panics elsewhere, which is a defect.
func callFrom(ctx context.Context) *call {
	return ctx.Value(callKey{}).(*call)
}

func callOf(c echo.Context) *call { return callFrom(c.Request().Context()) }

// RequestID returns the id of the request that ctx belongs to, or "" outside of one.
func RequestID(ctx context.Context) string {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c.id
	}
	return ""
}
