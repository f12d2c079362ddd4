package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// writes records each write.
type writes struct {
	mu  sync.Mutex
	all []string
	err error
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), w.err
}

func (w *writes) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.all...)
}

func TestLines_gathersWhatComesTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &writes{}
		l := newLines(to, time.Now)
		write := func(line string) {
			n, err := l.Write([]byte(line))
			require.NoError(t, err)
			require.Equal(t, len(line), n)
		}
		write("a\n")
		require.Equal(t, []string{"a\n"}, to.seen(), "a line after a pause is written at once")
		write("b\n")
		write("c\n")
		require.Len(t, to.seen(), 1)
		time.Sleep(gatherFor)
		synctest.Wait()
		require.Equal(t, []string{"a\n", "b\nc\n"}, to.seen())
		write("d\n")
		l.Close()
		require.Equal(t, []string{"a\n", "b\nc\n", "d\n"}, to.seen(), "the end loses nothing")
		write("e\n")
		write("f\n")
		require.Equal(t, []string{"a\n", "b\nc\n", "d\n", "e\n", "f\n"}, to.seen(), "nor what comes after it")
	})
}

func TestLines_inOrderAndWhole(t *testing.T) {
	t.Parallel()
	to := &writes{}
	l := newLines(to, time.Now)
	const writers, each = 8, 500
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				_, err := fmt.Fprintf(l, "%d %d %s\n", w, i, strings.Repeat("x", (i*w)%5000))
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	l.Close()
	next := map[int]int{}
	for _, write := range to.seen() {
		require.True(t, strings.HasSuffix(write, "\n"), "a write ends where a line does")
		require.True(t, len(write) <= gatherMost || strings.Count(write, "\n") == 1, "pipes keep a write together")
		for line := range strings.Lines(write) {
			var w, i int
			var rest string
			_, err := fmt.Sscanf(line, "%d %d %s", &w, &i, &rest)
			require.True(t, err == nil || rest == "", "%v", err)
			require.Equal(t, next[w], i, "lines of one writer keep their order")
			next[w]++
		}
	}
	for w := range writers {
		require.Equal(t, each, next[w], "nothing is lost")
	}
}

func TestLines_tellsOfAnError(t *testing.T) {
	t.Parallel()
	l := newLines(&writes{err: errors.New("disk full")}, time.Now)
	_, err := l.Write([]byte("a\n"))
	require.ErrorContains(t, err, "disk full")
}

func TestNewLogger_holdsNoWarningBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		to := &writes{}
		log, end := NewLogger(to, "info", true)
		defer end()
		for _, log := range []*slog.Logger{log, log.With("a", 1), log.WithGroup("g")} {
			for _, say := range []func(string, ...any){log.Warn, log.Error} {
				log.Info("before")
				log.Info("before")
				log.Debug("never")
				say("now")
				written := strings.Join(to.seen(), "")
				var last struct{ Msg string }
				lines := strings.Split(strings.TrimSpace(written), "\n")
				require.NoError(t, json.Unmarshal([]byte(lines[len(lines)-1]), &last))
				require.Equal(t, "now", last.Msg)
				require.NotContains(t, written, "never")
			}
		}
		require.Equal(t, 18, strings.Count(strings.Join(to.seen(), ""), "\n"))
	})
}

func TestNewLogger_forPeopleWritesAtOnce(t *testing.T) {
	t.Parallel()
	var to bytes.Buffer
	log, end := NewLogger(&to, "nonsense", false)
	defer end()
	log.Info("one")
	log.Info("two")
	log.Debug("never")
	require.Equal(t, 2, strings.Count(to.String(), "\n"))
}

// BenchmarkLines writes lines to a device as fast as they come, each by itself and gathered.
func BenchmarkLines(b *testing.B) {
	for name, gathered := range map[string]bool{"each by itself": false, "gathered": true} {
		b.Run(name, func(b *testing.B) {
			device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			require.NoError(b, err)
			defer func() { _ = device.Close() }()
			var handler slog.Handler = slog.NewJSONHandler(device, nil)
			if gathered {
				lines := newLines(device, time.Now)
				defer lines.Close()
				handler = urgent{slog.NewJSONHandler(lines, nil), lines}
			}
			log := slog.New(handler)
			b.ReportAllocs()
			for b.Loop() {
				log.Info("request", "request_id", "0199f3a4-11d0-7e2f-8a43-6b7c8d9e0f12", "status", 200)
			}
		})
	}
}
