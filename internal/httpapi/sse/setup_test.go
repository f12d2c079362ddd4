package sse

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// fixture is a server of streams on a real connection.
type fixture struct {
	*Server

	run     Run
	handler http.Handler
	http    *httptest.Server
	results chan result // of streams that have ended
}

// result is how a stream ended.
type result struct {
	err      error
	sent     int64
	detached bool
}

// setup returns a server whose streams send what run sends.
func setup(t testing.TB, run func(context.Context, func(Event) error) error, change ...func(*Config)) *fixture {
	t.Helper()
	cfg := Config{Heartbeat: 15 * time.Second, WriteTimeout: 30 * time.Second}
	for _, f := range change {
		f(&cfg)
	}
	hub, err := events.Open(events.Config{RedisURL: "redis://127.0.0.1:1"}, slog.New(slog.DiscardHandler)) // never called
	require.NoError(t, err)
	f := &fixture{Server: NewServer(cfg), results: make(chan result, 1000)}
	f.run = func(ctx context.Context, send func(Event) error, ended func(error)) *events.Following {
		handler := oneTurn(func(ctx context.Context) error { return run(ctx, send) })
		return events.Follow(ctx, hub.Subscribe("job:1"), handler, ended)
	}
	f.handler = f.answer(0, f.run)
	f.http = httptest.NewServer(f.handler)
	t.Cleanup(func() {
		f.Drain()
		f.http.Close()
		require.NoError(t, f.Wait(context.Background()))
	})
	return f
}

// answer does what the edge does around a handler.
func (f *fixture) answer(lifetime time.Duration, run Run) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slot := f.NewSlot()
		ctx := context.WithValue(r.Context(), SlotKey{}, &slot)
		if err := Respond(ctx, lifetime, run).VisitStreamJobEventsResponse(w); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		detached, sent, err := slot.Open(context.Background(), w, r, func(err error, sent int64) {
			f.results <- result{err: err, sent: sent, detached: true}
		})
		if !detached {
			f.results <- result{err: err, sent: sent}
		}
	})
}

// oneTurn is a handler that has said everything when its first turn is over.
type oneTurn func(context.Context) error

func (run oneTurn) Snapshot(ctx context.Context) error {
	if err := run(ctx); err != nil {
		return err
	}
	return events.ErrDone
}

func (oneTurn) Handle(context.Context, *events.Event) error { return nil }
func (oneTurn) IdleTimeout() time.Duration                  { return 0 }

// untilEnd sends nothing.
func untilEnd(ctx context.Context, _ func(Event) error) error {
	<-ctx.Done()
	return ctx.Err()
}

// open asks for the events and returns their lines.
func open(t *testing.T, srv *httptest.Server) (*http.Response, *bufio.Reader) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL, http.NoBody)
	require.NoError(t, err)
	res, err := srv.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { res.Body.Close() })
	return res, bufio.NewReader(res.Body)
}

func read(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(r, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

// dial asks for the events on a connection of its own, in a version of HTTP.
func dial(t *testing.T, f *fixture, version string) *net.TCPConn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", f.http.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, "GET / "+version+"\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	return conn.(*net.TCPConn)
}

func awaitEvent(t *testing.T, conn net.Conn) {
	t.Helper()
	lines := bufio.NewReaderSize(conn, 16)
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if strings.HasPrefix(line, "data:") {
			return
		}
	}
}
