package edge

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// serveRaw serves an edge on a port, with the bounds of a real server but a shorter time for bodies.
func (b *fixture) serveRaw(t *testing.T, readTimeout time.Duration) (address string) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	srv := NewHTTPServer("", b.handler, slog.New(slog.DiscardHandler))
	srv.ReadTimeout = readTimeout
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	t.Cleanup(func() { _ = srv.Close(); <-served })
	return listener.Addr().String()
}

// dialRaw opens a connection and sends text on it.
func dialRaw(t *testing.T, address, text string) *net.TCPConn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	_, err = io.WriteString(conn, text)
	require.NoError(t, err)
	return conn.(*net.TCPConn)
}

// rawRequest is a request of a signed-in client with a body, of which the client may send less.
func rawRequest(method, path, body string, length int) string {
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, base+path, goodToken, length, body)
}

const aProject = `{"mode":"design","platform":"youtube","prompt":{"headline":"x"}}`

// A body that stalls is told so, on a connection that ends: an empty 200 would be a lie, and the rest of the body might be
// taken for another request.
func TestReadBody_408_stalls(t *testing.T) {
	t.Parallel()
	b := setup(t)
	address := b.serveRaw(t, 100*time.Millisecond)
	conn := dialRaw(t, address, rawRequest(http.MethodPost, "/project", aProject[:10], len(aProject)))
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusRequestTimeout, res.StatusCode, "%s", body)
	require.Contains(t, string(body), string(apperr.CodeRequestTimeout))
	require.True(t, res.Close)
	_, err = reader.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	line := b.lines(t)[0]
	require.EqualValues(t, http.StatusRequestTimeout, line["status"])
	require.Equal(t, string(apperr.CodeRequestTimeout), line["code"])
}

// A client that closes its half in the middle of a body is told that it did not arrive.
func TestReadBody_400_endsEarly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn := dialRaw(t, b.serveRaw(t, time.Minute), rawRequest(http.MethodPost, "/project", aProject[:10], len(aProject)))
	require.NoError(t, conn.CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(answer), "HTTP/1.1 400 "), "%s", answer)
	require.EqualValues(t, http.StatusBadRequest, b.lines(t)[0]["status"])
}

// A client may close its half behind a whole request. net/http ends the request's context then; the work is done and
// answered whole all the same, whatever the method, and the handler is told of no end.
func TestObserve_answersWholeRequestsOfHalfClosedConnections(t *testing.T) {
	t.Parallel()
	b := setup(t)
	noticed := func(ctx context.Context) error { // gives net/http time to notice the end of the client's half
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
			return ctx.Err()
		}
	}
	var done atomic.Int32
	create := b.impl.createProject
	b.impl.createProject = func(ctx context.Context, r api.CreateProjectRequestObject) (api.CreateProjectResponseObject, error) {
		if err := noticed(ctx); err != nil {
			return nil, err
		}
		done.Add(1)
		return create(ctx, r)
	}
	b.impl.models = func(ctx context.Context) (api.ListModelsResponseObject, error) {
		return api.ListModels200JSONResponse{Items: []api.Model{}}, noticed(ctx)
	}
	address := b.serveRaw(t, time.Minute)
	for request, want := range map[string]string{
		rawRequest(http.MethodPost, "/project", aProject, len(aProject)): "HTTP/1.1 201 ",
		rawRequest(http.MethodGet, "/models", "", 0):                     "HTTP/1.1 200 ",
	} {
		conns := make([]*net.TCPConn, 20)
		for i := range conns {
			conns[i] = dialRaw(t, address, request)
			require.NoError(t, conns[i].CloseWrite())
		}
		for _, conn := range conns {
			answer, err := io.ReadAll(conn)
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(answer), want), "%s", answer)
			require.True(t, strings.HasSuffix(string(answer), "}\n"), "%s", answer)
		}
	}
	require.EqualValues(t, 20, done.Load())
	for _, line := range b.lines(t) {
		require.Less(t, line["status"], float64(http.StatusBadRequest))
	}
	require.Len(t, b.lines(t), 40)
}

// An operation has a deadline, since the end of its client does not end it.
func TestObserve_operationsHaveADeadline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var left time.Duration
	b.impl.models = func(ctx context.Context) (api.ListModelsResponseObject, error) {
		until, ok := ctx.Deadline()
		require.True(t, ok)
		left = time.Until(until)
		return api.ListModels200JSONResponse{Items: []api.Model{}}, nil
	}
	require.Equal(t, http.StatusOK, b.do(http.MethodGet, base+"/models", "").Code)
	require.Greater(t, left, operationTimeout-time.Minute/2)
	require.Less(t, operationTimeout, writeTimeout)
}

// A client that resets its connection while it is answered is in the log as gone, and not as a failure of the server.
func TestFail_499_reset(t *testing.T) {
	t.Parallel()
	b := setup(t, func(cfg *Config) {
		cfg.Report = func(_ context.Context, err error) { t.Errorf("reported: %v", err) }
	})
	reset, asked := make(chan struct{}), make(chan struct{})
	b.impl.models = func(context.Context) (api.ListModelsResponseObject, error) {
		close(asked)
		<-reset
		return api.ListModels200JSONResponse{Items: make([]api.Model, 1000)}, nil
	}
	conn := dialRaw(t, b.serveRaw(t, time.Minute), rawRequest(http.MethodGet, "/models", "", 0))
	<-asked
	require.NoError(t, conn.SetLinger(0))
	require.NoError(t, conn.Close())
	close(reset)
	require.Eventually(t, func() bool { return b.log.String() != "" }, 10*time.Second, time.Millisecond)
	line := b.lines(t)[0]
	require.EqualValues(t, statusClientGone, line["status"], "%v", line)
}
