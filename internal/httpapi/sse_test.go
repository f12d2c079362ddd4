package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/events"
)

// streaming is an edge on a real connection whose job events are what run sends.
func streaming(t *testing.T, run func(context.Context, func(Event) error) error, change ...func(*Config)) (*bundle, *httptest.Server) {
	t.Helper()
	return streamingTo(t, func(send func(Event) error) events.Handler {
		return reading(func(ctx context.Context) error { return run(ctx, send) })
	}, change...)
}

// reading is a reader that is all beginning.
type reading func(context.Context) error

func (r reading) Snapshot(ctx context.Context) error {
	if err := r(ctx); err != nil {
		return err
	}
	return events.ErrDone
}

func (reading) Handle(context.Context, *events.Event) error { return nil }
func (reading) IdleTimeout() time.Duration                  { return 0 }

// streamingTo is streaming with a reader of its own for each stream.
func streamingTo(t *testing.T, reader func(send func(Event) error) events.Handler, change ...func(*Config)) (*bundle, *httptest.Server) {
	t.Helper()
	b := setup(t, change...)
	hub, err := events.Open(events.Config{RedisURL: "redis://127.0.0.1:1"}, slog.New(slog.DiscardHandler)) // which nobody calls
	require.NoError(t, err)
	b.impl.events = func(ctx context.Context, _ api.StreamJobEventsRequestObject) (api.StreamJobEventsResponseObject, error) {
		return eventStream{ctx: ctx, run: func(ctx context.Context, send func(Event) error, ended func(error)) *events.Following {
			return events.Follow(ctx, hub.Subscribe("job:1"), reader(send), ended)
		}}, nil
	}
	srv := httptest.NewServer(b.handler)
	t.Cleanup(func() { b.end(t, srv) })
	return b, srv
}

// end stops an edge and waits until all its streams have ended and are in the log.
func (b *bundle) end(t *testing.T, srv *httptest.Server) {
	t.Helper()
	b.Drain()
	srv.Close()
	require.NoError(t, b.Wait(context.Background()))
}

// open asks for the events and returns their lines.
func open(t *testing.T, ctx context.Context, srv *httptest.Server) (*http.Response, *bufio.Reader) { //nolint:revive // ctx is not the test's
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+base+"/jobs/"+aUUID+"/events", http.NoBody)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+goodToken)
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

func TestStream_200(t *testing.T) {
	t.Parallel()
	next := make(chan Event)
	_, srv := streaming(t, func(_ context.Context, send func(Event) error) error {
		for e := range next {
			if err := send(e); err != nil {
				return err
			}
		}
		return nil
	})
	res, lines := open(t, t.Context(), srv)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	require.Equal(t, "no-cache, no-transform", res.Header.Get("Cache-Control"))
	read(t, lines, preamble) // at once, before there is any event

	next <- Event{ID: "1", Name: "job", Data: map[string]string{"a": "x\ny"}}
	read(t, lines, "id: 1\nevent: job\ndata: {\"a\":\"x\\ny\"}\n\n")
	next <- Event{Data: json.RawMessage(`{"raw":1}`)}
	read(t, lines, "data: {\"raw\":1}\n\n")
	next <- Event{Data: json.RawMessage("{\n \"raw\":\n2}")}
	read(t, lines, "data: {\"raw\":2}\n\n")
	close(next)
	rest, err := io.ReadAll(lines)
	require.NoError(t, err, "the server ends the stream properly")
	require.Empty(t, rest)
}

// TestStream_outlivesTimeouts shows that the time-outs of the server are not those of streams.
func TestStream_outlivesTimeouts(t *testing.T) {
	t.Parallel()
	const timeout = 400 * time.Millisecond
	b, _ := streaming(t, func(ctx context.Context, send func(Event) error) error {
		for end := time.Now().Add(3 * timeout); time.Now().Before(end); {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(timeout / 4):
			}
			if err := send(Event{Data: 1}); err != nil {
				return err
			}
		}
		return send(Event{Data: "end"})
	})
	srv := httptest.NewUnstartedServer(b.handler)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = timeout, timeout
	srv.Start()
	t.Cleanup(srv.Close)
	_, lines := open(t, t.Context(), srv)
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(rest), "data: \"end\"\n\n"))
}

func TestStream_heartbeat(t *testing.T) {
	t.Parallel()
	_, srv := streaming(t, func(ctx context.Context, _ func(Event) error) error {
		<-ctx.Done()
		return ctx.Err()
	}, func(c *Config) { c.Heartbeat = 5 * time.Millisecond })
	_, lines := open(t, t.Context(), srv)
	read(t, lines, preamble+": ping\n\n: ping\n\n: ping\n\n")
}

// TestStream_clientGone shows that a stream ends when its reader hangs up, and that this is nobody's failure.
func TestStream_clientGone(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	b, srv := streaming(t, func(ctx context.Context, _ func(Event) error) error {
		defer close(ended)
		<-ctx.Done()
		return ctx.Err()
	})
	ctx, hangUp := context.WithCancel(t.Context())
	_, lines := open(t, ctx, srv)
	read(t, lines, preamble)
	hangUp()
	<-ended
	b.end(t, srv)
	line := b.lines(t)[0]
	require.EqualValues(t, 499, line["status"])
	require.Equal(t, "DEBUG", line["level"])
}

// TestStream_deadReader shows that a reader which takes nothing is dropped, and does not hold a goroutine for ever.
func TestStream_deadReader(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	_, srv := streaming(t, func(_ context.Context, send func(Event) error) error {
		payload := strings.Repeat("x", 1<<20)
		var err error
		for err == nil {
			err = send(Event{Data: payload})
		}
		ended <- err
		return err
	}, func(c *Config) { c.StreamWrite = 100 * time.Millisecond })
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, "GET "+base+"/jobs/"+aUUID+"/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+goodToken+"\r\n\r\n")
	require.NoError(t, err)
	require.ErrorIs(t, <-ended, errClientGone) // although the connection is open
}

func TestStream_drain(t *testing.T) {
	t.Parallel()
	b, srv := streaming(t, func(ctx context.Context, _ func(Event) error) error {
		<-ctx.Done()
		return ctx.Err()
	})
	_, lines := open(t, t.Context(), srv)
	read(t, lines, preamble)
	b.Drain()
	b.Drain()
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Regexp(t, `^retry: [1-4][0-9]{3}\n\n$`, string(rest))

	res, _ := open(t, t.Context(), srv)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.NotEmpty(t, res.Header.Get("Retry-After"))
	requireProblem(t, b.do(http.MethodGet, "/readyz", ""), http.StatusServiceUnavailable, apperr.CodeUnavailable)
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, base+"/models", "").Code, "other requests go on")
}

// TestStream_failure shows that a failure halfway ends the stream and is logged, and one before it is an ordinary answer.
func TestStream_failure(t *testing.T) {
	t.Parallel()
	b, srv := streaming(t, func(_ context.Context, send func(Event) error) error {
		if err := send(Event{Data: 1}); err != nil {
			return err
		}
		if err := send(Event{ID: "a\nb", Data: 1}); err == nil {
			return errors.New("an id of two lines was sent")
		}
		if err := send(Event{Data: make(chan int)}); err == nil {
			return errors.New("a channel was sent")
		}
		return errors.New("lost the subscription")
	})
	_, lines := open(t, t.Context(), srv)
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Equal(t, preamble+"data: 1\n\n", string(rest))
	require.NoError(t, b.Wait(t.Context()))
	line := b.lines(t)[0]
	require.Equal(t, "lost the subscription", line["error"])
	require.Equal(t, "ERROR", line["level"])

	b.impl.events = func(context.Context, api.StreamJobEventsRequestObject) (api.StreamJobEventsResponseObject, error) {
		return nil, apperr.ErrNotFound
	}
	requireProblem(t, b.do(http.MethodGet, base+"/jobs/"+aUUID+"/events", ""), http.StatusNotFound, apperr.CodeNotFound)
}

// TestStream_panic shows that the heartbeat does not outlive a stream that panics: leaktest would find it.
func TestStream_panic(t *testing.T) {
	t.Parallel()
	b, srv := streaming(t, func(context.Context, func(Event) error) error { panic("stream") })
	_, lines := open(t, t.Context(), srv)
	_, err := io.ReadAll(lines)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	b.end(t, srv)
	require.Contains(t, b.log.String(), "panic: stream")
}
