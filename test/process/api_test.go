package process_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
)

// answered records which requests were answered completely, by request id.
type answered struct {
	mu      sync.Mutex
	status  map[string]int
	refused map[string]error
}

// order queues a project again and again over one keep-alive connection, until the API refuses connections.
func (a *answered) order(ctx context.Context, c creator, api *process) {
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	orders := c.by(api, &http.Client{Timeout: long, Transport: transport})
	for {
		id := uuid.NewString()
		answer, err := orders.QueueProjectWithResponse(ctx, c.project, nil,
			client.QueueRequest{Quality: client.QualityDraft, Variants: 1},
			func(_ context.Context, r *http.Request) error { r.Header.Set("X-Request-Id", id); return nil })
		a.mu.Lock()
		if err != nil {
			a.refused[id] = err
			a.mu.Unlock()
			return
		}
		a.status[id] = answer.StatusCode()
		a.mu.Unlock()
	}
}

func (a *answered) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.status)
}

// An API that is stopped under load answers every request that it accepted: each one in its log was answered completely to its
// client, and each job in the database belongs to an order that a client was told of.
func TestAPI_answersAllItTookWhenStopped(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api := f.api(t, "LOG_LEVEL=info")
	ada := f.creator(t, api, 1_000_000)
	load := &answered{status: map[string]int{}, refused: map[string]error{}}
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() { load.order(context.Background(), ada, api) })
	}
	eventuallyf(t, func() bool { return load.count() > 200 }, "some load")
	before := load.count()
	t.Logf("stopped after %s", api.stop(t, syscall.SIGTERM))
	clients.Wait()

	t.Logf("%d answers before, %d after, %d refused", before, len(load.status)-before, len(load.refused))
	require.Len(t, load.refused, 16)
	orders := 0
	for _, line := range regexp.MustCompile(`request_id=(\S+) method=POST route=\S+/queue status=(\d+)`).
		FindAllStringSubmatch(api.output.String(), -1) {
		orders++
		require.Equal(t, strconv.Itoa(load.status[line[1]]), line[2], "%v", load.refused[line[1]])
		require.Equal(t, "201", line[2])
	}
	require.Len(t, load.status, orders)
	require.Equal(t, orders, f.count(t, "select count(*) from jobs"))
}

// Clients that follow a job receive a retry delay and a clean end of the stream. The delays differ, so that they do not
// reconnect all at once.
func TestAPI_endsStreamsCleanlyWhenStopped(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api := f.api(t)
	ada := f.creator(t, api, 10)
	id := ada.queue(t, api, client.QualityDraft, 1)
	const readers = 20
	streams := make(chan string, readers)
	var connected sync.WaitGroup
	for range readers {
		answer, err := ada.at(api).StreamJobEvents(t.Context(), id, nil)
		require.NoError(t, err)
		connected.Add(1)
		go func() {
			defer func() { _ = answer.Body.Close() }()
			streams <- read(answer.Body, connected.Done)
		}()
	}
	connected.Wait()
	t.Logf("stopped after %s", api.stop(t, syscall.SIGTERM))
	retries := map[string]struct{}{}
	for range readers {
		stream := <-streams
		require.Contains(t, stream, `"status":"queued"`)
		last := regexp.MustCompile(`retry: (\d+)\n\nEOF$`).FindStringSubmatch(stream)
		require.Len(t, last, 2, stream)
		retries[last[1]] = struct{}{}
	}
	require.Greater(t, len(retries), readers/2, "they reconnect one by one")
}

// read collects a stream and the error that ended it; seen is called after the first event.
func read(stream io.Reader, seen func()) string {
	var all strings.Builder
	seen = sync.OnceFunc(seen)
	buf := make([]byte, 4096)
	for {
		n, err := stream.Read(buf)
		all.Write(buf[:n])
		if strings.Contains(all.String(), "data: ") {
			seen()
		}
		if err != nil {
			seen()
			_, _ = fmt.Fprint(&all, err)
			return all.String()
		}
	}
}

// A client that never completes its request does not keep the process from ending.
func TestAPI_cutsOffAStuckClientWhenStopped(t *testing.T) {
	t.Parallel()
	f := setup(t)
	api := f.api(t, "DRAIN_TIMEOUT=300ms")
	conn, err := net.Dial("tcp", api.http)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = fmt.Fprintf(conn, "POST /api/v1/auth/start HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n", api.http)
	require.NoError(t, err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", line, "it waits for the body")
	begun := time.Now()
	api.signal(t, syscall.SIGTERM)
	require.NotZero(t, api.wait(t), "the exit code tells that a client was cut off")
	t.Logf("stopped after %s", time.Since(begun))
	require.Contains(t, api.output.String(), "did not end in time")
}

// Streams leave descriptors to requests: with as many open as the process allows, the next one is refused, and requests over
// new connections are answered.
func TestAPI_keepsDescriptorsForRequests(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const descriptors = 256
	api := startAs(t, f.dir, f.env("LOG_LEVEL=warn", "API_USER_STREAMS=1000"),
		"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" api`, descriptors), binary)
	api.awaitReady(t, api.http)
	ada := f.creator(t, api, 10)
	id := ada.queue(t, api, client.QualityDraft, 1)
	follow := func() int {
		answer, err := ada.at(api).StreamJobEvents(t.Context(), id, nil)
		require.NoError(t, err)
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer.StatusCode
	}
	for range descriptors / 4 * 3 {
		require.Equal(t, http.StatusOK, follow())
	}
	require.Equal(t, http.StatusServiceUnavailable, follow())
	for range 10 {
		require.Equal(t, client.JobStatusQueued, ada.job(t, api, id).Status)
	}
}
