package edge

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNewHTTPServer_boundsEveryConnection pins that no connection can be held for ever.
func TestNewHTTPServer_boundsEveryConnection(t *testing.T) {
	t.Parallel()
	srv := NewHTTPServer("127.0.0.1:0", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	require.NotZero(t, srv.ReadHeaderTimeout)
	require.NotZero(t, srv.ReadTimeout)
	require.NotZero(t, srv.WriteTimeout)
	require.NotZero(t, srv.IdleTimeout)
	require.LessOrEqual(t, srv.MaxHeaderBytes, 64<<10)
	require.NotNil(t, srv.ErrorLog)
}

// TestNewHTTPServer_answersRawRequests sends what no Go client would.
func TestNewHTTPServer_answersRawRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := NewHTTPServer("", b.handler, slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	t.Cleanup(func() { srv.Close(); <-served })

	for request, want := range map[string]string{
		"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n":                                                                    "HTTP/1.1 404 Not Found\r\n",
		"GET /api/v1/models HTTP/1.1\r\nHost: x\r\n\r\n":                                                           "HTTP/1.1 200 OK\r\n",
		"GET http://x/api/v1/models HTTP/1.1\r\nHost: x\r\n\r\n":                                                   "HTTP/1.1 200 OK\r\n",
		"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n":                                                                "HTTP/1.1 200 OK\r\n",
		"HEAD /api/v1/models HTTP/1.1\r\nHost: x\r\n\r\n":                                                          "HTTP/1.1 405 Method Not Allowed\r\n",
		"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n":                                                                "HTTP/1.1 404 Not Found\r\n",
		"GET /api/v1/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n":                                                 "HTTP/1.1 404 Not Found\r\n",
		"POST /api/v1/auth/start HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\nExpect: 100-continue\r\n\r\n": "HTTP/1.1 413 Request Entity Too Large\r\n",
		"POST /api/v1/project HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n":           "HTTP/1.1 401 Unauthorized\r\n",
		// Before there is a request, net/http speaks for itself: this is not ours to answer.
		"GET /api/v1/%zz HTTP/1.1\r\nHost: x\r\n\r\n":                                 "HTTP/1.1 400 Bad Request\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n": "HTTP/1.1 431 Request Header Fields Too Large\r\n",
	} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", listener.Addr().String())
		require.NoError(t, err)
		_, err = io.WriteString(conn, request)
		require.NoError(t, err)
		got, err := bufio.NewReader(conn).ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, want, got, request[:min(len(request), 60)])
		require.NoError(t, conn.Close())
	}
}
