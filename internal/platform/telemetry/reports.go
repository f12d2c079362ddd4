package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/getsentry/sentry-go"

	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// Reports sends what is logged as an error to Sentry: panics, answers with a 5xx status, tasks that were given up. An event has
// texts and names that the code defines, and the ids of the request and the trace. It leaves out every text that may quote
// data; the log has those.
type Reports struct{ client *sentry.Client }

// OpenReports prepares to report to the Sentry project with a DSN. The error does not quote the DSN.
func OpenReports(dsn, environment string) (*Reports, error) {
	client, err := sentry.NewClient(sentry.ClientOptions{
		Dsn: dsn, Environment: environment, MaxBreadcrumbs: -1, DisableTelemetryBuffer: true, DisableClientReports: true,
		// Sentry's own integrations would send the modules, the machine and environment variables.
		Integrations: func([]sentry.Integration) []sentry.Integration { return nil },
	})
	if err != nil {
		return nil, errors.New("SENTRY_DSN is not the address that Sentry shows for a project")
	}
	return &Reports{client}, nil
}

// Close sends what is not sent yet, within the time-out.
func (r *Reports) Close(timeout time.Duration) {
	r.client.Flush(timeout)
	r.client.Close()
}

// Handler returns a handler that reports errors, and passes every line on to next.
func (r *Reports) Handler(next slog.Handler) slog.Handler {
	return reporting{Handler: next, reports: r}
}

type reporting struct {
	slog.Handler

	reports *Reports
	attrs   []slog.Attr // attributes of Logger.With
}

// Enabled implements slog.Handler. Errors are reported even where they are not logged.
func (h reporting) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelError || h.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h reporting) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelError {
		attrs := slices.Clone(h.attrs)
		record.Attrs(func(a slog.Attr) bool { attrs = append(attrs, a); return true })
		h.reports.client.CaptureEvent(report(record, attrs), nil, nil)
	}
	if !h.Handler.Enabled(ctx, record.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h reporting) WithAttrs(attrs []slog.Attr) slog.Handler {
	return reporting{Handler: h.Handler.WithAttrs(attrs), reports: h.reports, attrs: append(slices.Clip(h.attrs), attrs...)}
}

// WithGroup implements slog.Handler.
func (h reporting) WithGroup(name string) slog.Handler {
	return reporting{Handler: h.Handler.WithGroup(name), reports: h.reports, attrs: h.attrs}
}

// tags are the attributes that an event may have: names that the code defines, numbers and ids.
var tags = []string{ //nolint:gochecknoglobals // never changed
	tracecontext.RequestID, tracecontext.UserID, tracecontext.JobID, tracecontext.MessageID, tracecontext.MailID, tracecontext.TraceID, tracecontext.Kind,
	"method", "route", "status", "code", "attempt",
}

// kinds are the tags by which Sentry groups events.
var kinds = []string{tracecontext.Kind, "method", "route", "status", "code"} //nolint:gochecknoglobals // likewise

// report makes an event of a log line. Of an error it contains the types only, of a panic the functions on the stack.
func report(record slog.Record, attrs []slog.Attr) *sentry.Event {
	event := sentry.NewEvent()
	event.Level, event.Timestamp, event.Logger = sentry.LevelError, record.Time, "slog"
	event.Message, event.ServerName = record.Message, "-" // an empty one would become the host's name
	event.Fingerprint = []string{record.Message}
	exception := sentry.Exception{Type: record.Message}
	for _, a := range attrs {
		value := a.Value.Resolve()
		switch err, isError := value.Any().(error); {
		case slices.Contains(tags, a.Key):
			event.Tags[a.Key] = value.String()
		case a.Key == "stack":
			exception.Stacktrace = &sentry.Stacktrace{Frames: frames(value.String())}
		case isError:
			exception.Value = strings.Join(types(err), " > ")
			event.Fingerprint = append(event.Fingerprint, exception.Value)
		}
	}
	for _, kind := range kinds {
		event.Fingerprint = append(event.Fingerprint, event.Tags[kind])
	}
	event.Exception = []sentry.Exception{exception}
	return event
}

// types returns the types of an error and of the errors that it wraps, outermost first, without those that only add text.
func types(err error) []string {
	var found []string
	var walk func(error)
	walk = func(err error) {
		if name := fmt.Sprintf("%T", err); !strings.HasPrefix(name, "*fmt.wrapError") {
			found = append(found, name)
		}
		switch wrapper := err.(type) { //nolint:errorlint // it walks the chain itself
		case interface{ Unwrap() error }:
			if inner := wrapper.Unwrap(); inner != nil {
				walk(inner)
			}
		case interface{ Unwrap() []error }:
			for _, inner := range wrapper.Unwrap() {
				walk(inner)
			}
		}
	}
	walk(err)
	return found
}

// frame matches a function in the text of a stack, without its arguments.
var frame = regexp.MustCompile(`(?m)^(?:created by )?([\w./*()\-\[\]]+)(?:\(.*\)| in goroutine \d+)$\n\t(\S+):(\d+)`)

// frames reads the text of debug.Stack, outermost first, as Sentry wants it.
func frames(stack string) []sentry.Frame {
	var found []sentry.Frame
	for _, part := range frame.FindAllStringSubmatch(stack, -1) {
		line, _ := strconv.Atoi(part[3]) // digits, as the pattern says
		found = append(found, sentry.Frame{
			Function: part[1], Filename: part[2], Lineno: line,
			InApp: strings.Contains(part[1], "mugshot-studio/backend"),
		})
	}
	slices.Reverse(found)
	return found
}
