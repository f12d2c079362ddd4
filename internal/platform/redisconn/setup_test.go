package redisconn_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mugshot-studio/backend/internal/platform/redisconn"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testTimeout bounds waits for what must happen. It is long, for a heavily loaded machine.
const testTimeout = 30 * time.Second

// parse returns the endpoint of a URL.
func parse(t *testing.T, url string) *redisconn.Endpoint {
	t.Helper()
	e, err := redisconn.Parse(url, nil)
	require.NoError(t, err)
	return e
}

// listener is a Listener that counts its subscriptions and collects its messages.
type listener struct {
	*redisconn.Listener
	subscriptions atomic.Int64
	messages      chan string
}

// listen runs a listener until the test ends.
func listen(t *testing.T, url string) *listener {
	l := &listener{messages: make(chan string, 16)}
	l.Listener = &redisconn.Listener{
		Endpoint:   parse(t, url),
		Channel:    "channel",
		Subscribed: func() { l.subscriptions.Add(1) },
		Message:    func(payload []byte) { l.messages <- string(payload) },
		PingEvery:  100 * time.Millisecond,
		Log:        slog.New(slog.DiscardHandler),
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { l.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return l
}

// serve accepts connections until the test ends, calls handle with each and closes it after that. It returns the address.
func serve(t *testing.T, handle func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer func() { _ = conn.Close() }()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		serving.Wait()
	})
	return l.Addr().String()
}
