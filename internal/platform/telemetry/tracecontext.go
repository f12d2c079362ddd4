package telemetry

import (
	"context"
	"log/slog"

	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// traceContextHandler adds to each line what its context knows of the work: the ids of the request, the user, the task and the
// trace. A line that says one of them itself keeps its own.
type traceContextHandler struct {
	slog.Handler

	said map[string]bool // by Logger.With
}

// NewTraceContextHandler returns a handler whose lines say what they are about.
func NewTraceContextHandler(next slog.Handler) slog.Handler {
	return traceContextHandler{Handler: next}
}

// Handle implements slog.Handler.
func (h traceContextHandler) Handle(ctx context.Context, r slog.Record) error {
	known := tracecontext.Attrs(ctx)
	if len(known) == 0 {
		return h.Handler.Handle(ctx, r)
	}
	var unsaid []slog.Attr // in most lines nothing
	for _, a := range known {
		if !h.said[a.Key] && !says(r, a.Key) {
			unsaid = append(unsaid, a)
		}
	}
	if len(unsaid) > 0 {
		r = r.Clone()
		r.AddAttrs(unsaid...)
	}
	return h.Handler.Handle(ctx, r)
}

// says tells whether a line says something itself. It has a few attributes, among which a map would find nothing sooner.
func says(r slog.Record, key string) (found bool) {
	r.Attrs(func(a slog.Attr) bool {
		found = a.Key == key
		return !found
	})
	return found
}

// WithAttrs implements slog.Handler.
func (h traceContextHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	said := make(map[string]bool, len(h.said)+len(attrs))
	for key := range h.said {
		said[key] = true
	}
	for _, a := range attrs {
		said[a.Key] = true
	}
	return traceContextHandler{Handler: h.Handler.WithAttrs(attrs), said: said}
}

// WithGroup implements slog.Handler. Within a group nothing is ours to name, and nothing is added.
func (h traceContextHandler) WithGroup(name string) slog.Handler { return h.Handler.WithGroup(name) }
