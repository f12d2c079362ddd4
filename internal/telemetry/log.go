// Package telemetry is how processes tell what they do.
package telemetry

import (
	"io"
	"log/slog"
)

// NewLogger writes JSON, one object a line, for machines; or text for a developer. An unknown level is info; the
// configuration has checked it.
func NewLogger(w io.Writer, level string, machine bool) *slog.Logger {
	var parsed slog.Level
	if err := parsed.UnmarshalText([]byte(level)); err != nil {
		parsed = slog.LevelInfo
	}
	options := &slog.HandlerOptions{Level: parsed}
	if machine {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
