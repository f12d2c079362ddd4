package process_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
)

// balancer is a load balancer as in production: it sends requests in turn to the APIs whose last /readyz was 200. It keeps
// connections, and retries nothing.
type balancer struct {
	server *httptest.Server
	next   atomic.Uint64

	mu     sync.Mutex
	known  []*process
	ready  []*process
	failed []string
}

// checkEvery is the interval of the checks; in production it is seconds.
const checkEvery = 50 * time.Millisecond

func balance(t *testing.T, apis ...*process) *balancer {
	t.Helper()
	b := &balancer{known: apis}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: b.choose()})
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil { // else the client itself went away
				b.recordf("%s %s: %v", r.Method, r.URL, err)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
		ModifyResponse: func(answer *http.Response) error {
			if answer.StatusCode >= http.StatusBadRequest {
				b.recordf("%s %s: %s", answer.Request.Method, answer.Request.URL, answer.Status)
			}
			return nil
		},
	}
	b.server = httptest.NewServer(proxy)
	ctx, cancel := context.WithCancel(context.Background())
	var checking sync.WaitGroup
	checking.Go(func() { b.check(ctx) })
	t.Cleanup(func() {
		cancel()
		checking.Wait()
		b.server.Close()
		transport.CloseIdleConnections()
	})
	for _, api := range apis {
		b.await(t, api)
	}
	return b
}

func (b *balancer) check(ctx context.Context) {
	for tick := time.NewTicker(checkEvery); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
		}
		b.mu.Lock()
		known := append([]*process{}, b.known...)
		b.mu.Unlock()
		var ready []*process
		for _, api := range known {
			if status(ctx, "http://"+api.http+"/readyz") == http.StatusOK {
				ready = append(ready, api)
			}
		}
		b.mu.Lock()
		b.ready = ready
		b.mu.Unlock()
	}
}

func (b *balancer) choose() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.ready) == 0 {
		return "none.invalid"
	}
	return b.ready[b.next.Add(1)%uint64(len(b.ready))].http
}

func (b *balancer) recordf(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.failed = append(b.failed, fmt.Sprintf(format, args...))
}

// add makes an API known, and returns when it gets requests.
func (b *balancer) add(t *testing.T, api *process) {
	t.Helper()
	b.mu.Lock()
	b.known = append(b.known, api)
	b.mu.Unlock()
	b.await(t, api)
}

func (b *balancer) await(t *testing.T, api *process) {
	t.Helper()
	eventuallyf(t, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.Contains(b.ready, api)
	}, "requests for a new api")
}

// front returns the balancer as an API process for the tests' clients.
func (b *balancer) front() *process {
	return &process{http: strings.TrimPrefix(b.server.URL, "http://")}
}

// follow reads a job's events until its end and reconnects whenever a stream ends before. It returns how often it reconnected.
func (c creator) follow(ctx context.Context, front *process, id uuid.UUID) (returns int, err error) {
	for {
		answer, err := c.at(front).StreamJobEvents(ctx, id, nil)
		if err != nil {
			return returns, fmt.Errorf("open a stream: %w", err)
		}
		said := read(answer.Body, func() {})
		_ = answer.Body.Close()
		switch {
		case answer.StatusCode != http.StatusOK:
			return returns, fmt.Errorf("open a stream: %s", answer.Status)
		case strings.Contains(said, `"status":"succeeded"`):
			return returns, nil
		case !strings.HasSuffix(said, "EOF") || strings.Contains(said, "unexpected EOF"):
			return returns, fmt.Errorf("a stream broke off: %s", said)
		}
		returns++
	}
}

// load is the load of some creators through a balancer, with its counters.
type load struct {
	front                  *process
	b                      *balancer
	kept                   *http.Client // with keep-alive connections
	orders, reads, returns atomic.Int64
	at                     sync.WaitGroup
}

// by starts the load of one creator until ctx ends: one page after the other, and one job after the other.
func (l *load) by(ctx context.Context, t *testing.T, who creator) {
	t.Helper()
	l.at.Go(func() {
		for ; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
			answer, err := who.by(l.front, l.kept).GetMeWithResponse(t.Context())
			if err != nil || answer.JSON200 == nil {
				l.b.recordf("read: %v", err)
			}
			l.reads.Add(1)
		}
	})
	l.at.Go(func() {
		for ctx.Err() == nil {
			answer, err := who.by(l.front, l.kept).QueueProjectWithResponse(t.Context(), who.project, nil,
				client.QueueRequest{Quality: client.QualityDraft, Variants: 1})
			if err != nil || answer.JSON201 == nil {
				l.b.recordf("order: %v", err)
				return
			}
			l.orders.Add(1)
			l.follow(t, who, answer.JSON201.JobID)
		}
	})
}

// follow reads a job's events to its end.
func (l *load) follow(t *testing.T, who creator, id uuid.UUID) {
	t.Helper()
	n, err := who.follow(t.Context(), l.front, id)
	if err != nil {
		l.b.recordf("follow: %v", err)
	}
	l.returns.Add(int64(n))
}

// roll replaces two APIs and a worker, one after the other, while creators queue, read and follow jobs. It expects that no
// request fails, and that the ledger adds up afterwards.
func (f *fixture) roll(t *testing.T, apiEnv, workerEnv []string) {
	t.Helper()
	earlier := f.count(t, "select count(*) from jobs")
	startAPI := func() *process {
		api := start(t, f.dir, apiEnv, "api")
		api.awaitReady(t, api.http)
		return api
	}
	startWorker := func() *process {
		worker := start(t, f.dir, workerEnv, "worker")
		worker.awaitReady(t, worker.admin)
		return worker
	}
	apis, worker := [2]*process{startAPI(), startAPI()}, startWorker()
	b := balance(t, apis[0], apis[1])
	const creators = 4
	ctx, enough := context.WithCancel(t.Context())
	defer enough()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	l := &load{front: b.front(), b: b, kept: &http.Client{Timeout: long, Transport: transport}}
	for range creators {
		l.by(ctx, t, f.creator(t, l.front, 1_000_000))
	}
	follower := f.creator(t, l.front, 1_000_000)
	begun := time.Now()
	eventuallyf(t, func() bool { return l.orders.Load() > creators }, "some load")
	for i := range apis {
		slow := follower.queue(t, l.front, client.QualityN4K, 2)
		for range 4 { // on both APIs, longer than one of them lives
			l.at.Go(func() { l.follow(t, follower, slow) })
		}
		follower.awaitStage(t, l.front, slow, client.JobStageGenerating)
		t.Logf("api %d stopped after %s", i, apis[i].stop(t, syscall.SIGTERM))
		apis[i] = startAPI()
		b.add(t, apis[i])
	}
	t.Logf("worker stopped after %s", worker.stop(t, syscall.SIGTERM))
	worker = startWorker()
	before := l.orders.Load()
	eventuallyf(t, func() bool { return l.orders.Load() > before+creators }, "load on the new ones")
	enough()
	l.at.Wait()
	t.Logf("%d reads, %d jobs, %d streams taken up again in %s", l.reads.Load(), l.orders.Load(), l.returns.Load(), time.Since(begun))
	b.mu.Lock()
	defer b.mu.Unlock()
	require.Empty(t, b.failed)
	require.NotZero(t, l.returns.Load(), "no stream was open at an API that was stopped")
	eventuallyf(t, func() bool { return f.count(t, "select count(*) from jobs where finished_at is null") == 0 }, "the last job's end")
	for _, p := range []*process{apis[0], apis[1], worker} {
		p.stop(t, syscall.SIGTERM)
	}
	f.audit(t)
	require.Equal(t, earlier+int(l.orders.Load())+len(apis), f.count(t, "select count(*) from jobs where status = 'succeeded'"))
}
