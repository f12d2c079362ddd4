package httpapi

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lasting are streams that say one thing and end when their reader goes; ended counts them.
func lasting(t *testing.T) (b *bundle, srv *httptest.Server, ended *atomic.Int64) {
	t.Helper()
	ended = new(atomic.Int64)
	b, srv = streaming(t, func(ctx context.Context, send func(Event) error) error {
		defer ended.Add(1)
		if err := send(Event{Data: 1}); err != nil {
			return err
		}
		<-ctx.Done()
		return ctx.Err()
	})
	return b, srv, ended
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

// TestHangups_readerTalks shows that what a reader sends is passed over, however much it is, and its end found behind it.
func TestHangups_readerTalks(t *testing.T) {
	t.Parallel()
	b, srv, ended := lasting(t)
	conn := ask(t, srv.Listener.Addr().String(), "HTTP/1.1")
	awaitEvent(t, conn)
	for range 4 {
		_, err := io.WriteString(conn, strings.Repeat("x", 1<<20)) // more than a connection holds unread
		require.NoError(t, err)
	}
	require.Zero(t, ended.Load())
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return ended.Load() == 1 }, 20*time.Second, time.Millisecond)
	b.end(t, srv)
	require.EqualValues(t, statusClientGone, b.lines(t)[0]["status"])
}

// TestHangups_many shows that each end is found, in whatever way readers go, also after all have gone once.
func TestHangups_many(t *testing.T) {
	t.Parallel()
	const count = 300
	b, srv, ended := lasting(t)
	for round := range int64(2) {
		conns := make([]*net.TCPConn, count)
		for i := range conns {
			conns[i] = ask(t, srv.Listener.Addr().String(), "HTTP/1.1").(*net.TCPConn)
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
		require.Eventually(t, func() bool { return ended.Load() == (round+1)*count }, 20*time.Second, time.Millisecond)
	}
	require.NoError(t, drainAll(b))
}

// TestHangups_tls shows the way of connections whose end a descriptor alone does not tell.
func TestHangups_tls(t *testing.T) {
	t.Parallel()
	b, _, ended := lasting(t)
	srv := httptest.NewTLSServer(b.handler)
	t.Cleanup(func() { b.end(t, srv) })
	dialer := &tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}
	conn, err := dialer.DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	require.NoError(t, err)
	_, err = io.WriteString(conn, "GET "+base+"/jobs/"+aUUID+"/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+goodToken+"\r\n\r\n")
	require.NoError(t, err)
	awaitEvent(t, conn)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return ended.Load() == 1 }, 20*time.Second, time.Millisecond)
}
