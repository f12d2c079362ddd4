package sse

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

func TestStream_sendsEvents(t *testing.T) {
	t.Parallel()
	next := make(chan Event)
	f := setup(t, func(_ context.Context, send func(Event) error) error {
		for e := range next {
			if err := send(e); err != nil {
				return err
			}
		}
		return nil
	})
	res, lines := open(t, f.http)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	require.Equal(t, "no-cache, no-transform", res.Header.Get("Cache-Control"))
	require.NotEmpty(t, res.Header.Get("Date"))
	require.True(t, res.Close, "the connection is not for another request")
	read(t, lines, preamble) // at once, before there is any event

	next <- Event{ID: "1", Name: "job", Data: map[string]string{"a": "x\ny"}}
	first := "id: 1\nevent: job\ndata: {\"a\":\"x\\ny\"}\n\n"
	read(t, lines, first)
	next <- Event{Data: json.RawMessage(`{"raw":1}`)}
	second := "data: {\"raw\":1}\n\n"
	read(t, lines, second)
	next <- Event{Data: json.RawMessage("{\n \"raw\":\n2}")}
	third := "data: {\"raw\":2}\n\n"
	read(t, lines, third)
	close(next)
	rest, err := io.ReadAll(lines)
	require.NoError(t, err, "the server ends the stream properly")
	require.Empty(t, rest)
	require.Equal(t, result{sent: int64(len(preamble + first + second + third)), detached: true}, <-f.results)
}

// TestStream_outlivesTimeouts shows that the time-outs of the server are not those of streams.
func TestStream_outlivesTimeouts(t *testing.T) {
	t.Parallel()
	const timeout = 400 * time.Millisecond
	f := setup(t, func(ctx context.Context, send func(Event) error) error {
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
	srv := httptest.NewUnstartedServer(f.handler)
	srv.Config.ReadTimeout, srv.Config.WriteTimeout = timeout, timeout
	srv.Start()
	t.Cleanup(srv.Close)
	_, lines := open(t, srv)
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(rest), "data: \"end\"\n\n"))
}

func TestStream_sendsAHeartbeat(t *testing.T) {
	t.Parallel()
	f := setup(t, untilEnd, func(c *Config) { c.Heartbeat = 5 * time.Millisecond })
	_, lines := open(t, f.http)
	read(t, lines, preamble+": ping\n\n: ping\n\n: ping\n\n")
}

// TestStream_endsAfterItsLifetime shows that it does so properly, and before the next heartbeat.
func TestStream_endsAfterItsLifetime(t *testing.T) {
	t.Parallel()
	f := setup(t, untilEnd)
	hub, err := events.Open(events.Config{RedisURL: "redis://127.0.0.1:1"}, nil) // never called
	require.NoError(t, err)
	srv := httptest.NewServer(f.answer(10*time.Millisecond, func(ctx context.Context, send func(Event) error, ended func(error)) *events.Following {
		return events.Follow(ctx, hub.Subscribe("job:1"), oneTurn(func(ctx context.Context) error { return untilEnd(ctx, send) }), ended)
	}))
	t.Cleanup(srv.Close)
	_, lines := open(t, srv)
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Equal(t, preamble, string(rest))
	require.NoError(t, (<-f.results).err)
}

// TestStream_servesHTTP10 shows the transport of connections that can't be taken over: no chunks, and the end is the
// connection's.
func TestStream_servesHTTP10(t *testing.T) {
	t.Parallel()
	f := setup(t, func(_ context.Context, send func(Event) error) error { return send(Event{ID: "7", Data: 1}) })
	answer, err := io.ReadAll(dial(t, f, "HTTP/1.0"))
	require.NoError(t, err)
	head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
	require.Equal(t, preamble+"id: 7\ndata: 1\n\n", body)
	require.Contains(t, head, "Content-Type: text/event-stream")
	require.Equal(t, result{sent: int64(len(body))}, <-f.results)
}

// TestStream_fails shows that a failure halfway ends the answer properly, and that an event which can't be sent is one.
func TestStream_fails(t *testing.T) {
	t.Parallel()
	lost := errors.New("lost the subscription")
	f := setup(t, func(_ context.Context, send func(Event) error) error {
		if err := send(Event{Data: 1}); err != nil {
			return err
		}
		if err := send(Event{ID: "a\nb", Data: 1}); err == nil {
			return errors.New("an id of two lines was sent")
		}
		if err := send(Event{Data: make(chan int)}); err == nil {
			return errors.New("a channel was sent")
		}
		return lost
	})
	_, lines := open(t, f.http)
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Equal(t, preamble+"data: 1\n\n", string(rest))
	require.ErrorIs(t, (<-f.results).err, lost)
}

// TestStream_panics shows that the client sees a break, and that the heartbeat does not outlive the stream: leaktest would
// find it.
func TestStream_panics(t *testing.T) {
	t.Parallel()
	f := setup(t, func(context.Context, func(Event) error) error { panic("stream") })
	_, lines := open(t, f.http)
	_, err := io.ReadAll(lines)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	var panicked *events.PanicError
	require.ErrorAs(t, (<-f.results).err, &panicked)
	require.Equal(t, "stream", panicked.Value)

	srv := httptest.NewServer(f.answer(0, func(context.Context, func(Event) error, func(error)) *events.Following { panic("run") }))
	t.Cleanup(srv.Close)
	_, lines = open(t, srv)
	_, err = io.ReadAll(lines)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorAs(t, (<-f.results).err, &panicked)
	require.Equal(t, "run", panicked.Value)
}
