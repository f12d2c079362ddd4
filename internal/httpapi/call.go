package httpapi

import (
	"context"

	"github.com/labstack/echo/v4"

	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// call is what the edge knows of the request that it is serving. Each layer fills its part; one goroutine owns it.
type call struct {
	id        string // X-Request-Id
	client    Client
	token     bool       // a bearer token was presented, good or bad
	principal *Principal // nil: nobody has been authenticated
	user      string     // the id of the principal's account, as text; "" without one
	streams   *streams
	stream    *eventStream // answers the call when its handler has returned; nil: the handler has answered
	failure   failure      // what problem.go answered, for the access log

	known Principal // what principal points at
}

// sign notes who is asking.
func (c *call) sign(p Principal) {
	c.known = p
	c.principal, c.user = &c.known, p.UserID.String()
}

// requestContext is the context of a request: one value for all that the edge has to say.
type requestContext struct {
	tracecontext.Carrier

	call *call
}

func newRequestContext(ctx context.Context, c *call) *requestContext {
	r := &requestContext{call: c}
	r.Carry(ctx, tracecontext.RequestID, c.id)
	return r
}

// Value implements context.Context.
func (r *requestContext) Value(key any) any {
	if _, asked := key.(callKey); asked {
		return r.call
	}
	return r.Carrier.Value(key)
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
