package sse

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// onceThenSilent is a stream that sends one event and ends when its client disconnects.
func onceThenSilent(ctx context.Context, send func(Event) error) error {
	if err := send(Event{Data: 1}); err != nil {
		return err
	}
	return untilEnd(ctx, send)
}

// TestDisconnectWatcher_ignoresInput shows that what a client sends is read and ignored, however much it is, and its end
// found behind it.
func TestDisconnectWatcher_ignoresInput(t *testing.T) {
	t.Parallel()
	f := setup(t, onceThenSilent)
	conn := dial(t, f, "HTTP/1.1")
	awaitEvent(t, conn)
	for range 4 {
		_, err := io.WriteString(conn, strings.Repeat("x", 1<<20)) // more than a connection holds unread
		require.NoError(t, err)
	}
	require.Empty(t, f.results)
	require.NoError(t, conn.Close())
	require.ErrorIs(t, (<-f.results).err, ErrClientGone)
}

// TestDisconnectWatcher_findsEveryEnd shows that each end is found, in whatever way clients go, also after all have gone
// once.
func TestDisconnectWatcher_findsEveryEnd(t *testing.T) {
	t.Parallel()
	const count = 300
	f := setup(t, onceThenSilent)
	for range 2 {
		conns := make([]*net.TCPConn, count)
		for i := range conns {
			conns[i] = dial(t, f, "HTTP/1.1")
			awaitEvent(t, conns[i])
		}
		for i, conn := range conns {
			switch i % 3 {
			case 0:
				require.NoError(t, conn.CloseWrite())
			case 1:
				require.NoError(t, conn.SetLinger(0)) // a reset
				fallthrough
			default:
				require.NoError(t, conn.Close())
			}
		}
		require.Eventually(t, func() bool { return len(f.results) == count }, 20*time.Second, time.Millisecond)
		for range count {
			require.ErrorIs(t, (<-f.results).err, ErrClientGone)
		}
	}
}

// TestDisconnectWatcher_leavesTLSToAGoroutine shows the connections whose end a descriptor alone does not tell.
func TestDisconnectWatcher_leavesTLSToAGoroutine(t *testing.T) {
	t.Parallel()
	f := setup(t, onceThenSilent)
	srv := httptest.NewTLSServer(f.handler)
	t.Cleanup(srv.Close)
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	require.NoError(t, err)
	awaitEvent(t, conn)
	require.NoError(t, conn.Close())
	require.ErrorIs(t, (<-f.results).err, ErrClientGone)
}
