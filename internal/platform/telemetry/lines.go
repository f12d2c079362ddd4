package telemetry

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// gatherFor is how long a line may wait for others. Whoever reads a log as it grows does not notice it.
	gatherFor = 10 * time.Millisecond

	// gatherMost is what is written at once. Pipes of Linux keep so much together (pipe(7), PIPE_BUF), so that the lines of
	// two processes that share one never run into each other.
	gatherMost = 4096
)

// lines writes several lines of a log with one system call, where many come: a line that comes by itself is written at
// once, those that follow within gatherFor go together. Their order stays. It is safe for concurrent use.
type lines struct {
	to  io.Writer
	now func() time.Time

	mu      sync.Mutex
	held    []byte
	written time.Time // the last time
	timer   *time.Timer
	through bool // closed: nothing is held any more
}

func newLines(to io.Writer, now func() time.Time) *lines {
	return &lines{to: to, now: now, held: make([]byte, 0, gatherMost)}
}

// Write implements io.Writer. Each p is whole lines. An error may be that of lines that came before.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if len(l.held)+len(p) > gatherMost {
		err = l.flush()
	}
	now := l.now()
	if since := now.Sub(l.written); len(l.held) == 0 && (since < 0 || since >= gatherFor || len(p) > gatherMost || l.through) {
		l.written = now
		return l.to.Write(p)
	}
	if len(l.held) == 0 {
		l.wake()
	}
	l.held = append(l.held, p...)
	return len(p), err
}

// wake has what is held written in a while.
func (l *lines) wake() {
	if l.timer == nil {
		l.timer = time.AfterFunc(gatherFor, l.Flush)
		return
	}
	l.timer.Reset(gatherFor)
}

// Flush writes what is held.
func (l *lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.flush() // nobody is left to tell
}

// Close writes what is held, and has every later line written at once.
func (l *lines) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.flush() // likewise
	l.through = true
}

func (l *lines) flush() error {
	if len(l.held) == 0 {
		return nil
	}
	l.timer.Stop()
	_, err := l.to.Write(l.held)
	l.held, l.written = l.held[:0], l.now()
	return err
}

// urgent has lines written at once that somebody may be waiting for, and whatever came before them.
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
