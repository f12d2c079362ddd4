package telemetry

import (
	"context"
	"log/slog"

	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// traceContextHandler adds the attributes of package tracecontext to each line: the ids of the request, the user, the task and
// the trace. A line that has one of them already keeps its own.
type traceContextHandler struct {
	slog.Handler

	own map[string]bool // attributes of Logger.With
}

// NewTraceContextHandler returns a handler that adds the attributes of a line's context, those of package tracecontext.
func NewTraceContextHandler(next slog.Handler) slog.Handler {
	return traceContextHandler{Handler: next}
}

// Handle implements slog.Handler.
func (h traceContextHandler) Handle(ctx context.Context, r slog.Record) error {
	known := tracecontext.Attrs(ctx)
	if len(known) == 0 {
		return h.Handler.Handle(ctx, r)
	}
	var missing []slog.Attr // none in most lines
	for _, a := range known {
		if !h.own[a.Key] && !has(r, a.Key) {
			missing = append(missing, a)
		}
	}
	if len(missing) > 0 {
		r = r.Clone()
		r.AddAttrs(missing...)
	}
	return h.Handler.Handle(ctx, r)
}

// has reports whether a line has an attribute. A line has few, so that a map would not be faster.
func has(r slog.Record, key string) (found bool) {
	r.Attrs(func(a slog.Attr) bool {
		found = a.Key == key
		return !found
	})
	return found
}

// WithAttrs implements slog.Handler.
func (h traceContextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	own := make(map[string]bool, len(h.own)+len(attrs))
	for key := range h.own {
		own[key] = true
	}
	for _, a := range attrs {
		own[a.Key] = true
	}
	return traceContextHandler{Handler: h.Handler.WithAttrs(attrs), own: own}
}

// WithGroup implements slog.Handler. In a group the names would have a prefix, so nothing is added.
func (h traceContextHandler) WithGroup(name string) slog.Handler { return h.Handler.WithGroup(name) }
