package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// silent is a stream that has nothing to say.
type silent struct{ reading }

func (silent) Snapshot(context.Context) error { return nil }

// ask opens a stream by hand, in a version of HTTP, and returns its connection.
func ask(t *testing.T, addr, version string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	_, err = io.WriteString(conn, "GET "+base+"/jobs/"+aUUID+"/events "+version+"\r\nHost: x\r\nAuthorization: Bearer "+goodToken+"\r\n\r\n")
	require.NoError(t, err)
	return conn
}

// TestStreams_memory shows that an open stream does not keep what net/http and the layers around the handler need: the
// ordinary way takes three goroutines and well over 20 kB.
func TestStreams_memory(t *testing.T) { //nolint:paralleltest // it measures the process
	const count, generous = 1000, 12 << 10
	b, srv := streamingTo(t, func(func(Event) error) events.Handler { return silent{} })
	addr := srv.Listener.Addr().String()
	conns := make([]net.Conn, count)
	begin := func(i int) {
		conns[i] = ask(t, addr, "HTTP/1.1")
		lines := bufio.NewReaderSize(conns[i], 16)
		for {
			line, err := lines.ReadString('\n')
			require.NoError(t, err)
			if strings.HasPrefix(line, "retry:") {
				return
			}
		}
	}
	begin(0) // what is made once is there
	before, goroutines := inUse(), runtime.NumGoroutine()
	for i := 1; i < count; i++ {
		begin(i)
	}
	require.Eventually(t, func() bool { return runtime.NumGoroutine()-goroutines < 20 }, 20*time.Second, 10*time.Millisecond,
		"none a stream")
	require.Less(t, (inUse()-before)/count, uint64(generous), "bytes a stream, both ends of its connection included")
	require.NoError(t, drainAll(b))
}

func drainAll(b *bundle) error {
	b.Drain()
	return b.Wait(context.Background())
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

// TestStreams_slowReader shows that a reader which takes nothing holds up nobody: others get their events while a write
// to it waits.
func TestStreams_slowReader(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	opened := 0
	stuck, quick := make(chan struct{}), make(chan Event)
	_, srv := streaming(t, func(ctx context.Context, send func(Event) error) error {
		mu.Lock()
		opened++
		slow := opened == 1
		mu.Unlock()
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
	ask(t, srv.Listener.Addr().String(), "HTTP/1.1")
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return opened == 1 }, 20*time.Second, time.Millisecond)
	_, lines := open(t, t.Context(), srv)
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
		require.Fail(t, "the slow reader was not slow")
	default:
	}
}

// TestStreams_drainDoesNotWaitForTheSlow shows that a dead reader holds up the end of a server for seconds at most.
func TestStreams_drainDoesNotWaitForTheSlow(t *testing.T) {
	t.Parallel()
	var written atomic.Int64
	b, srv := streaming(t, func(_ context.Context, send func(Event) error) error {
		payload := json.RawMessage(`"` + strings.Repeat("x", 256<<10) + `"`)
		for {
			if err := send(Event{Data: payload}); err != nil {
				return err
			}
			written.Add(1)
		}
	}, func(c *Config) { c.StreamWrite = time.Hour })
	ask(t, srv.Listener.Addr().String(), "HTTP/1.1")
	require.Eventually(t, func() bool {
		before := written.Load()
		time.Sleep(200 * time.Millisecond)
		return before > 0 && written.Load() == before // the connection is full
	}, 20*time.Second, time.Millisecond)
	b.Drain()
	ctx, cancel := context.WithTimeout(t.Context(), 10*drainWrite)
	defer cancel()
	require.NoError(t, b.Wait(ctx))
}

// TestStreams_wait shows that it waits for what runs, and no longer than told.
func TestStreams_wait(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	b, srv := streaming(t, func(context.Context, func(Event) error) error { <-release; return nil })
	_, lines := open(t, t.Context(), srv)
	read(t, lines, preamble)
	b.Drain()
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, b.Wait(short), context.DeadlineExceeded)
	close(release)
	require.NoError(t, b.Wait(t.Context()))
}

// TestStreams_oldHTTP shows the way of connections that can't be taken over: no chunks, and the end is the connection's.
func TestStreams_oldHTTP(t *testing.T) {
	t.Parallel()
	b, srv := streaming(t, func(_ context.Context, send func(Event) error) error { return send(Event{ID: "7", Data: 1}) })
	answer, err := io.ReadAll(ask(t, srv.Listener.Addr().String(), "HTTP/1.0"))
	require.NoError(t, err)
	head, body, _ := strings.Cut(string(answer), "\r\n\r\n")
	require.Equal(t, preamble+"id: 7\ndata: 1\n\n", body)
	require.Contains(t, head, "Content-Type: text/event-stream")
	require.NoError(t, b.Wait(t.Context()))
	require.EqualValues(t, len(body), b.lines(t)[0]["bytes"])
}

// TestStreams_accessLog shows that a stream is logged when it is over, with what it sent.
func TestStreams_accessLog(t *testing.T) {
	t.Parallel()
	b, srv := streaming(t, func(_ context.Context, send func(Event) error) error { return send(Event{ID: "7", Data: 1}) })
	res, lines := open(t, t.Context(), srv)
	body, err := io.ReadAll(lines)
	require.NoError(t, err)
	require.True(t, res.Close, "the connection is not for another request")
	require.NotEmpty(t, res.Header.Get("Date"))
	require.NotEmpty(t, res.Header.Get("X-Content-Type-Options"))
	require.NoError(t, b.Wait(t.Context()))
	line := b.lines(t)[0]
	require.Equal(t, res.Header.Get(headerRequestID), line["request_id"])
	require.EqualValues(t, http.StatusOK, line["status"])
	require.EqualValues(t, len(body), line["bytes"])
	require.Equal(t, theUser.String(), line["user_id"])
}
