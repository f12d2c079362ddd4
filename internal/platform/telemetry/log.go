// Package telemetry makes the logs ([NewLogger]), metrics ([Metrics]), traces ([Tracing]) and error reports ([Reports]) of a
// process.
//
// What leaves the process is an allow-list: traces and reports contain only names and numbers that the code defines, and
// ids; metrics have no ids either. Texts that may quote a user's or a vendor's data stay in the log.
package telemetry

import (
	"io"
	"log/slog"
	"time"
)

// NewLogger returns a logger that writes JSON, one object on each line, or text for a developer where machine is false. An
// unknown level counts as info; the configuration has checked it.
//
// JSON lines that come within 10 ms are written together. Warnings and errors are written at once, with all lines before
// them. The caller calls end before the process exits; after that each line is written at once.
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
