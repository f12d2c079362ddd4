// Package telemetry is how processes tell what they do.
package telemetry

import (
	"io"
	"log/slog"
	"time"
)

// NewLogger writes JSON, one object a line, for machines; or text for a developer. An unknown level is info; the
// configuration has checked it.
//
// Lines for machines that come within some milliseconds are written together, but for warnings and errors, before which
// everything is written. The caller owes a call of end, after which each line is written at once.
func NewLogger(w io.Writer, level string, machine bool) (log *slog.Logger, end func()) {
	var parsed slog.Level
	if err := parsed.UnmarshalText([]byte(level)); err != nil {
		parsed = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: parsed}
	if machine {
		lines := newLines(w, time.Now)
		return slog.New(urgent{slog.NewJSONHandler(lines, options), lines}), lines.Close
	}
	return slog.New(slog.NewTextHandler(w, options)), func() {}
}
