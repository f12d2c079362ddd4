package telemetry

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// gatherFor is how long a line may wait for others: too short for a person who follows the log to notice.
	gatherFor = 10 * time.Millisecond

	// gatherMost is how many bytes are written at once. Linux keeps a write of this size to a pipe together (pipe(7),
	// PIPE_BUF), so that the lines of two processes that share a pipe don't mix.
	gatherMost = 4096
)

// lines writes the lines of a busy log with fewer system calls: a line after a pause is written at once, and lines that
// follow within gatherFor are written together, in order. It is safe for concurrent use.
type lines struct {
	to  io.Writer
	now func() time.Time

	mu      sync.Mutex
	buffer  []byte    // lines that are not written yet
	written time.Time // when lines were last written
	timer   *time.Timer
	closed  bool // each line is written at once
}

func newLines(to io.Writer, now func() time.Time) *lines {
	return &lines{to: to, now: now, buffer: make([]byte, 0, gatherMost)}
}

// Write implements io.Writer. p is one or more whole lines. An error may be that of earlier lines.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if len(l.buffer)+len(p) > gatherMost {
		err = l.flush()
	}
	now := l.now()
	if since := now.Sub(l.written); len(l.buffer) == 0 && (since < 0 || since >= gatherFor || len(p) > gatherMost || l.closed) {
		l.written = now
		return l.to.Write(p)
	}
	if len(l.buffer) == 0 {
		l.startTimer()
	}
	l.buffer = append(l.buffer, p...)
	return len(p), err
}

// startTimer has the buffer written after gatherFor.
func (l *lines) startTimer() {
	if l.timer == nil {
		l.timer = time.AfterFunc(gatherFor, l.Flush)
		return
	}
	l.timer.Reset(gatherFor)
}

// Flush writes the buffer.
func (l *lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.flush() // there is no caller to report it to
}

// Close writes the buffer, and has every later line written at once.
func (l *lines) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.flush() // likewise
	l.closed = true
}

// flush writes the buffer. The caller holds the lock.
func (l *lines) flush() error {
	if len(l.buffer) == 0 {
		return nil
	}
	l.timer.Stop()
	_, err := l.to.Write(l.buffer)
	l.buffer, l.written = l.buffer[:0], l.now()
	return err
}

// urgent has warnings and errors written at once, with all lines before them.
type urgent struct {
	slog.Handler

	lines *lines
}

// Handle implements slog.Handler.
func (h urgent) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.lines.Flush()
	}
	return err
}

// WithAttrs implements slog.Handler.
func (h urgent) WithAttrs(attrs []slog.Attr) slog.Handler {
	return urgent{h.Handler.WithAttrs(attrs), h.lines}
}

// WithGroup implements slog.Handler.
func (h urgent) WithGroup(name string) slog.Handler {
	return urgent{h.Handler.WithGroup(name), h.lines}
}
