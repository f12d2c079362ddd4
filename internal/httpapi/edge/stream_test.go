package edge

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/httpapi/sse"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/events"
)

type send = func(sse.Event) error

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

// silent is a handler that never has anything to say.
type silent struct{ oneTurn }

func (silent) Snapshot(context.Context) error { return nil }

func untilEnd(ctx context.Context, _ send) error {
	<-ctx.Done()
	return ctx.Err()
}

// setupStream is setup on a real connection, with what run sends as the events of jobs.
func setupStream(t *testing.T, run func(context.Context, send) error, change ...func(*Config)) (*fixture, *httptest.Server) {
	t.Helper()
	return setupHandler(t, func(send send) events.Handler {
		return oneTurn(func(ctx context.Context) error { return run(ctx, send) })
	}, change...)
}

// setupHandler is setupStream with a handler of its own for each stream.
func setupHandler(t *testing.T, handler func(send) events.Handler, change ...func(*Config)) (*fixture, *httptest.Server) {
	t.Helper()
	b := setup(t, change...)
	hub, err := events.Open(events.Config{RedisURL: "redis://127.0.0.1:1"}, slog.New(slog.DiscardHandler)) // never called
	require.NoError(t, err)
	b.impl.events = func(ctx context.Context, _ api.StreamJobEventsRequestObject) (api.StreamJobEventsResponseObject, error) {
		return sse.Respond(ctx, 0, func(ctx context.Context, send func(sse.Event) error, ended func(error)) *events.Following {
			return events.Follow(ctx, hub.Subscribe("job:1"), handler(send), ended)
		}), nil
	}
	srv := httptest.NewServer(b.handler)
	t.Cleanup(func() { b.end(t, srv) })
	return b, srv
}

// end stops an edge and waits until all its streams have ended and are in the log.
func (b *fixture) end(t *testing.T, srv *httptest.Server) {
	t.Helper()
	b.Drain()
	srv.Close()
	require.NoError(t, b.Wait(context.Background()))
}

// openStream asks for the events and returns their lines, behind the greeting.
func openStream(t *testing.T, ctx context.Context, srv *httptest.Server) (*http.Response, *bufio.Reader) { //nolint:revive // ctx is not the test's
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+base+"/jobs/"+aUUID+"/events", http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+goodToken)
	res, err := srv.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { res.Body.Close() })
	lines := bufio.NewReader(res.Body)
	for line := ""; res.StatusCode == http.StatusOK && !strings.HasPrefix(line, "retry:"); {
		line, err = lines.ReadString('\n')
		require.NoError(t, err)
	}
	return res, lines
}

// dialStream opens a stream on a connection of its own, in a version of HTTP.
func dialStream(t *testing.T, srv *httptest.Server, version string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, "GET "+base+"/jobs/"+aUUID+"/events "+version+"\r\nHost: x\r\nAuthorization: Bearer "+goodToken+"\r\n\r\n")
	require.NoError(t, err)
	return conn
}

// awaitLine reads until a line of a stream that begins with prefix.
func awaitLine(t *testing.T, conn net.Conn, prefix string) {
	t.Helper()
	lines := bufio.NewReaderSize(conn, 16)
	for line := ""; !strings.HasPrefix(line, prefix); {
		var err error
		line, err = lines.ReadString('\n')
		require.NoError(t, err)
	}
}

// TestStreamJobEvents_200_accessLog shows that a stream is logged when it is over, with what it sent, whether its
// connection was taken over or not.
func TestStreamJobEvents_200_accessLog(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		b, srv := setupStream(t, func(_ context.Context, send send) error { return send(sse.Event{ID: "7", Data: 1}) })
		res, err := http.ReadResponse(bufio.NewReader(dialStream(t, srv, version)), nil)
		require.NoError(t, err)
		body, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Contains(t, string(body), "id: 7\ndata: 1\n\n")
		require.NotEmpty(t, res.Header.Get("X-Content-Type-Options"))
		b.end(t, srv)
		line := b.lines(t)[0]
		require.Equal(t, res.Header.Get(headerRequestID), line["request_id"])
		require.EqualValues(t, http.StatusOK, line["status"])
		require.EqualValues(t, len(body), line["bytes"])
		require.Equal(t, theUser.String(), line["user_id"])
	}
}

// TestStreamJobEvents_200_memory shows that an open stream does not keep what net/http and the layers around the handler
// need: an ordinary handler takes three goroutines and well over 20 kB.
func TestStreamJobEvents_200_memory(t *testing.T) { //nolint:paralleltest // it measures the process
	const count, generous = 1000, 12 << 10
	b, srv := setupHandler(t, func(send) events.Handler { return silent{} })
	conns := make([]net.Conn, count)
	begin := func(i int) {
		conns[i] = dialStream(t, srv, "HTTP/1.1")
		awaitLine(t, conns[i], "retry:")
	}
	begin(0) // what is made once is there
	before, goroutines := inUse(), runtime.NumGoroutine()
	for i := 1; i < count; i++ {
		begin(i)
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine()-goroutines < 20 }, 20*time.Second, 10*time.Millisecond,
		"none a stream")
	require.Less(t, (inUse()-before)/count, uint64(generous), "bytes a stream, both ends of its connection included")
	b.Drain()
	require.NoError(t, b.Wait(t.Context()))
}

// inUse is what heap and stacks hold that is needed.
func inUse() uint64 {
	for range 4 { // a stack is halved by each collection that finds it too large
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// TestStreamJobEvents_200_failsHalfway shows that a failure after the headers ends the stream and is logged.
func TestStreamJobEvents_200_failsHalfway(t *testing.T) {
	t.Parallel()
	b, srv := setupStream(t, func(context.Context, send) error { return errors.New("lost the subscription") })
	_, lines := openStream(t, t.Context(), srv)
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Equal(t, "\n", string(rest))
	require.NoError(t, b.Wait(t.Context()))
	line := b.lines(t)[0]
	require.Equal(t, "lost the subscription", line["error"])
	require.Equal(t, "ERROR", line["level"])
}

// TestStreamJobEvents_200_panics shows that the client sees a break and the log the panic, whether the connection was
// taken over or not.
func TestStreamJobEvents_200_panics(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		b, srv := setupStream(t, func(context.Context, send) error { panic("stream") })
		answer, err := io.ReadAll(dialStream(t, srv, version))
		require.NoError(t, err)
		require.NotContains(t, string(answer), "\r\n0\r\n\r\n", "the last chunk")
		b.end(t, srv)
		line := b.lines(t)[0]
		require.Equal(t, "panic: stream", line["error"])
		require.NotEmpty(t, line["stack"])
	}
}

func TestStreamJobEvents_404(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.impl.events = func(context.Context, api.StreamJobEventsRequestObject) (api.StreamJobEventsResponseObject, error) {
		return nil, apperr.ErrNotFound
	}
	requireProblem(t, b.do(http.MethodGet, base+"/jobs/"+aUUID+"/events", ""), http.StatusNotFound, apperr.CodeNotFound)
}

// TestStreamJobEvents_429_503 shows that the edge passes its limits on: one stream more than an account may have open, or
// than the process may, is refused with a time to wait.
func TestStreamJobEvents_429_503(t *testing.T) {
	t.Parallel()
	for status, change := range map[int]func(*Config){
		http.StatusTooManyRequests:    func(c *Config) { c.UserStreams = 1 },
		http.StatusServiceUnavailable: func(c *Config) { c.MaxStreams = 1 },
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			_, srv := setupStream(t, untilEnd, change)
			opened, _ := openStream(t, t.Context(), srv)
			require.Equal(t, http.StatusOK, opened.StatusCode)
			refused, _ := openStream(t, t.Context(), srv)
			require.Equal(t, status, refused.StatusCode)
			require.NotEmpty(t, refused.Header.Get("Retry-After"))
		})
	}
}

// TestStreamJobEvents_499 shows that a stream ends when its client disconnects, which is no failure of the server.
func TestStreamJobEvents_499(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		ended := make(chan struct{})
		b, srv := setupStream(t, func(ctx context.Context, send send) error {
			defer close(ended)
			if err := send(sse.Event{Data: 1}); err != nil {
				return err
			}
			return untilEnd(ctx, send)
		})
		conn := dialStream(t, srv, version)
		awaitLine(t, conn, "data:") // run is not called for a client that is gone already
		require.NoError(t, conn.Close())
		<-ended
		b.end(t, srv)
		line := b.lines(t)[0]
		require.EqualValues(t, statusClientGone, line["status"])
		require.Equal(t, "INFO", line["level"])
	}
}

func TestStreamJobEvents_503_draining(t *testing.T) {
	t.Parallel()
	b, srv := setupStream(t, untilEnd)
	_, lines := openStream(t, t.Context(), srv)
	b.Drain()
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Regexp(t, `^\nretry: [1-4][0-9]{3}\n\n$`, string(rest))

	res, _ := openStream(t, t.Context(), srv)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.NotEmpty(t, res.Header.Get("Retry-After"))
	requireProblem(t, b.do(http.MethodGet, "/readyz", ""), http.StatusServiceUnavailable, apperr.CodeUnavailable)
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, base+"/models", "").Code, "other requests go on")
}
