package edge

import (
	"context"
	"sync/atomic"
	"time"
)

// deadlineStep is how long requests share a deadline.
const deadlineStep = time.Second

// deadlines gives requests the context by whose end their work has to be done. Requests that begin within the same second
// share it: a context and a timer for each would be two allocations more, three where it is waited for, and no request needs
// its last second.
type deadlines struct {
	latest atomic.Pointer[sharedDeadline]
}

type sharedDeadline struct {
	context.Context //nolint:containedctx // what is shared

	until time.Time // requests that begin before it share the context
}

// get returns a context that ends between operationTimeout and a deadlineStep less from now.
func (d *deadlines) get() context.Context {
	now := time.Now()
	if latest := d.latest.Load(); latest != nil && now.Before(latest.until) {
		return latest.Context
	}
	ctx, cancel := context.WithDeadline(context.Background(), now.Add(operationTimeout))
	context.AfterFunc(ctx, cancel) // it ends by itself, for all that share it
	d.latest.Store(&sharedDeadline{Context: ctx, until: now.Add(deadlineStep)})
	return ctx
}
