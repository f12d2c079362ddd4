package storagetest

import (
	"io"
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// testStreaming moves an object in each direction, and measures what client and server allocate.
func testStreaming(t *testing.T, s Subject) {
	t.Helper()
	const size, bound = 20 << 20, 8 << 20
	put, uploaded := storage.Object{Bucket: plain, Path: "put"}, storage.Object{Bucket: plain, Path: "uploaded"}
	signed := s.signUpload(t, uploaded, pngPolicy(size))

	allocated := func(what string, work func()) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		work()
		runtime.ReadMemStats(&after)
		t.Logf("%s: %d KiB allocated in all for %d KiB", what, (after.TotalAlloc-before.TotalAlloc)>>10, size>>10)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(bound), what)
	}
	allocated("put", func() {
		require.NoError(t, s.Store.Put(t.Context(), put, "image/png", zeros(size), size))
	})
	allocated("upload", func() {
		req, err := http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, zeros(size))
		require.NoError(t, err)
		req.ContentLength = size
		for name, value := range signed.Headers {
			req.Header.Set(name, value)
		}
		res, err := s.Server.Client().Do(req)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusOK, res.StatusCode)
	})
	allocated("open", func() {
		body, info, err := s.Store.Open(t.Context(), uploaded)
		require.NoError(t, err)
		require.Equal(t, int64(size), info.Size)
		n, err := io.Copy(io.Discard, body)
		require.NoError(t, err)
		require.Equal(t, int64(size), n)
		require.NoError(t, body.Close())
	})
	allocated("download", func() {
		links, err := s.Store.SignDownloads(t.Context(), plain, []string{"put"}, minute)
		require.NoError(t, err)
		res, err := s.Server.Client().Get(links[0].URL)
		require.NoError(t, err)
		n, err := io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		require.Equal(t, int64(size), n)
		require.NoError(t, res.Body.Close())
	})
}

// zeros reads as size zero bytes without holding them in memory.
func zeros(size int64) io.Reader {
	return io.LimitReader(readerFunc(func(p []byte) (int, error) {
		clear(p)
		return len(p), nil
	}), size)
}
