package sse

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestServer_drains(t *testing.T) {
	t.Parallel()
	f := setup(t, untilEnd)
	_, lines := open(t, f.http)
	read(t, lines, preamble)
	f.Drain()
	f.Drain()
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.Regexp(t, `^retry: [1-4][0-9]{3}\n\n$`, string(rest))
	require.NoError(t, (<-f.results).err)
	require.True(t, f.Draining())

	res, _ := open(t, f.http)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
}

// TestServer_drainDoesNotWaitForTheSlow shows that a client which takes nothing holds up the end of a server for seconds at
// most.
func TestServer_drainDoesNotWaitForTheSlow(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	f := setup(t, func(_ context.Context, send func(Event) error) error {
		payload := json.RawMessage(`"` + strings.Repeat("x", 256<<10) + `"`)
		for {
			if err := send(Event{Data: payload}); err != nil {
				return err
			}
			written.Add(1)
		}
	}, func(c *Config) { c.WriteTimeout = time.Hour })
	dial(t, f, "HTTP/1.1")
	require.Eventually(t, func() bool {
		before := written.Load()
		time.Sleep(200 * time.Millisecond)
		return before > 0 && written.Load() == before // the connection is full
	}, 20*time.Second, time.Millisecond)
	f.Drain()
	ctx, cancel := context.WithTimeout(t.Context(), 10*drainWriteTimeout)
	defer cancel()
	require.NoError(t, f.Wait(ctx))
}

// TestServer_waits shows that Wait waits for what runs, and no longer than told.
func TestServer_waits(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := setup(t, func(context.Context, func(Event) error) error { <-release; return nil })
	_, lines := open(t, f.http)
	read(t, lines, preamble)
	f.Drain()
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, f.Wait(short), context.DeadlineExceeded)
	close(release)
	require.NoError(t, f.Wait(t.Context()))
}

// TestServer_dropsTheDead shows that a client which takes nothing is dropped, and does not hold a goroutine for ever.
func TestServer_dropsTheDead(t *testing.T) {
	t.Parallel()
	f := setup(t, func(_ context.Context, send func(Event) error) error {
		payload := strings.Repeat("x", 1<<20)
		var err error
		for err == nil {
			err = send(Event{Data: payload})
		}
		return err
	}, func(c *Config) { c.WriteTimeout = 100 * time.Millisecond })
	dial(t, f, "HTTP/1.1")
	require.ErrorIs(t, (<-f.results).err, ErrClientGone) // although the connection is open
}

// TestServer_slowClientDelaysNoOther shows that others get their events while a write to a client that takes nothing waits.
func TestServer_slowClientDelaysNoOther(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	stuck, quick := make(chan struct{}), make(chan Event)
	f := setup(t, func(ctx context.Context, send func(Event) error) error {
		slow := opened.Add(1) == 1
		payload := strings.Repeat("x", 64<<10)
		for i := 0; slow; i++ {
			if i == 1000 { // far more than a connection holds: never reached
				close(stuck)
			}
			if err := send(Event{Data: payload}); err != nil {
				return err
			}
		}
		for {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case e := <-quick:
				if err := send(e); err != nil {
					return err
				}
			}
		}
	}, func(c *Config) { c.Heartbeat = 10 * time.Millisecond })
	dial(t, f, "HTTP/1.1")
	require.Eventually(t, func() bool { return opened.Load() == 1 }, 20*time.Second, time.Millisecond)
	_, lines := open(t, f.http)
	begun := time.Now()
	for range 100 {
		quick <- Event{ID: "1", Data: 1}
		for line := ""; line != "id: 1\n"; {
			var err error
			line, err = lines.ReadString('\n')
			require.NoError(t, err)
		}
	}
	require.Less(t, time.Since(begun), 20*time.Second)
	select {
	case <-stuck:
		require.Fail(t, "the slow client was not slow")
	default:
	}
}
