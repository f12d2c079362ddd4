// Package storagetest is the conformance suite of [storage.Store]. It runs against each implementation and the HTTP server
// behind its signed URLs, and covers objects, lists, signed uploads and downloads, limits, races and memory.
package storagetest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// Subject is an empty Store under test, set up for one test.
type Subject struct {
	Store  storage.Store
	Server *Server // serves the URLs that Store signs
	Clock  *Clock  // of Store and Server
	// BindsUploads tells that a signed upload accepts only the announced type and size. If it is false, only the bucket's limits
	// apply.
	BindsUploads bool
	// ReplacesLate tells that of uploads to one address that run side by side a later end may replace an earlier one: only
	// an upload that begins after another has ended is refused.
	ReplacesLate bool
}

// The buckets of the suite, beside those of the product.
const (
	plain  = "plain"  // without limits
	narrow = "narrow" // at most narrowBytes of image/png
	other  = "other"  // without limits

	narrowBytes = 1000
)

// Run runs the suite. open is called once for each test, with that test's t, and cleans up after itself.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	t.Helper()
	run := func(name string, test func(t *testing.T, s Subject)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t, open))
		})
	}
	// Not parallel, since it measures the memory of the process.
	t.Run("streams without holding an object in memory", func(t *testing.T) {
		testStreaming(t, setup(t, open))
	})
	for name, test := range objectTests {
		run(name, test)
	}
	for name, test := range uploadTests {
		run(name, test)
	}
	for name, test := range downloadTests {
		run(name, test)
	}
	run("ping asks for setup", func(t *testing.T, _ Subject) { testPing(t, open(t)) })
	run("buckets are made once and keep their objects", testEnsureBuckets)
}

func setup(t *testing.T, open func(t *testing.T) Subject) Subject {
	t.Helper()
	s := open(t)
	require.NoError(t, s.Store.EnsureBuckets(t.Context(), []storage.Bucket{
		{Name: plain}, {Name: other}, {Name: narrow, MaxBytes: narrowBytes, ContentTypes: []string{"image/png"}},
	}))
	return s
}

func testPing(t *testing.T, s Subject) {
	t.Helper()
	require.ErrorIs(t, s.Store.Ping(t.Context()), storage.ErrNoBucket)
	require.NoError(t, s.Store.EnsureBuckets(t.Context(), storage.Buckets()))
	require.NoError(t, s.Store.Ping(t.Context()))
}

func testEnsureBuckets(t *testing.T, s Subject) {
	t.Helper()
	object := storage.Object{Bucket: narrow, Path: "a.png"}
	s.put(t, object, "image/png", []byte("kept"))
	for range 2 {
		require.NoError(t, s.Store.EnsureBuckets(t.Context(), []storage.Bucket{{Name: narrow, MaxBytes: 2}}))
	}
	require.Equal(t, "kept", string(s.get(t, object)))
	err := s.Store.Put(t.Context(), object, "text/plain", bytes.NewReader([]byte("new")), 3)
	require.ErrorIs(t, err, storage.ErrTooLarge, "the limits are the new ones")
	require.NoError(t, s.Store.Put(t.Context(), object, "text/plain", bytes.NewReader([]byte("ok")), 2))
	err = s.Store.EnsureBuckets(t.Context(), []storage.Bucket{{Name: "../up"}})
	require.ErrorIs(t, err, storage.ErrInvalidName)
}

// put stores an object and expects it to work.
func (s Subject) put(t *testing.T, object storage.Object, contentType string, content []byte) {
	t.Helper()
	require.NoError(t, s.Store.Put(t.Context(), object, contentType, bytes.NewReader(content), int64(len(content))))
}

// get reads an object whole.
func (s Subject) get(t *testing.T, object storage.Object) []byte {
	t.Helper()
	body, info, err := s.Store.Open(t.Context(), object)
	require.NoError(t, err)
	content, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, body.Close())
	require.Len(t, content, int(info.Size))
	return content
}

// requireMissing expects that there is no such object.
func (s Subject) requireMissing(t *testing.T, object storage.Object) {
	t.Helper()
	_, err := s.Store.Head(t.Context(), object)
	require.ErrorIs(t, err, storage.ErrMissing)
}

// Clock is a clock that a test sets forward.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands still at a fixed time.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 11, 22, 19, 15, 29, 0, time.UTC)} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance sets the clock forward.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Server is an HTTP server that tells with [Server.Settle] when it has finished every request.
type Server struct {
	*httptest.Server
	mu   sync.Mutex
	busy int
	idle *sync.Cond
}

// Serve starts a server whose handler is made by handler, which is told the server's URL. It stops with the test.
func Serve(t *testing.T, handler func(url string) http.Handler) *Server {
	t.Helper()
	s := &Server{}
	s.idle = sync.NewCond(&s.mu)
	s.Server = httptest.NewUnstartedServer(nil)
	inner := handler("http://" + s.Listener.Addr().String())
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.count(1)
		defer s.count(-1)
		inner.ServeHTTP(w, r)
	})
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *Server) count(by int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy += by
	s.idle.Broadcast()
}

// Settle waits until no request is being handled.
func (s *Server) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.busy > 0 {
		s.idle.Wait()
	}
}

// send makes a request as any HTTP client would, and returns the answer with its body read.
func (s *Server) send(t *testing.T, method, url string, headers map[string]string, body []byte,
) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := s.Client().Do(req)
	require.NoError(t, err)
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res, content
}
