package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

// The vendor sees one account, however many workers we have.
func TestVendorClient_limitHoldsOverAllWorkers(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	vendor := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		asked.Add(1)
	}))
	defer vendor.Close()
	namespace := redistest.Namespace(t)
	worker := func() *http.Client {
		counters, err := ratelimit.Open(ratelimit.Config{
			URL: redistest.URL(t), Namespace: namespace, Key: []byte("k"), Timeout: 10 * time.Second,
		})
		require.NoError(t, err)
		a := &App{counters: counters, closers: []func() error{counters.Close}}
		t.Cleanup(func() { require.NoError(t, a.Close()) })
		return a.vendorClient("vendor", 1000, 600) // a burst of 60, then ten a second
	}
	begun := time.Now()
	var all sync.WaitGroup
	for _, client := range []*http.Client{worker(), worker()} {
		for range 40 {
			all.Go(func() {
				res, err := client.Post(vendor.URL, "text/plain", strings.NewReader("x"))
				if err == nil {
					_ = res.Body.Close()
				}
			})
		}
	}
	all.Wait()
	require.EqualValues(t, 80, asked.Load())
	require.GreaterOrEqual(t, time.Since(begun), 1900*time.Millisecond, "twenty beyond the burst, at ten a second")
}
