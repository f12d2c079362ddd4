package filesystem_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/test/conformance/storagetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const origin = "https://studio.example"

// open starts a Store in a new folder, served under /storage.
func open(t *testing.T) storagetest.Subject {
	t.Helper()
	s, _ := openIn(t, t.TempDir())
	return s
}

// openIn is open with a root that the test chooses.
func openIn(t *testing.T, root string) (storagetest.Subject, *filesystem.Store) {
	t.Helper()
	clock := storagetest.NewClock()
	var store *filesystem.Store
	server := storagetest.Serve(t, func(url string) http.Handler {
		var err error
		store, err = filesystem.New(filesystem.Config{
			Root: root, BaseURL: url + "/storage", Key: bytes.Repeat([]byte("k"), filesystem.MinKeyBytes), Now: clock.Now,
			AllowedOrigins: []string{origin},
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		return store
	})
	return storagetest.Subject{Store: store, Server: server, Clock: clock, BindsUploads: true}, store
}

// fixture is a Store with the product's buckets and one stored picture.
type fixture struct {
	storagetest.Subject
	root   string
	stored storage.Object
	link   string // a signed URL for stored
	upload storage.SignedUpload
}

// setup starts a Store and fills the fixture.
func setup(t *testing.T) fixture {
	t.Helper()
	b := fixture{root: t.TempDir(), stored: storage.Object{Bucket: storage.BucketRenders, Path: "u-1/render/a.png"}}
	b.Subject, _ = openIn(t, b.root)
	require.NoError(t, b.Store.EnsureBuckets(t.Context(), storage.Buckets()))
	require.NoError(t, b.Store.Put(t.Context(), b.stored, "image/png", strings.NewReader("picture"), 7))
	links, err := b.Store.SignDownloads(t.Context(), b.stored.Bucket, []string{b.stored.Path}, time.Hour)
	require.NoError(t, err)
	b.link = links[0].URL
	b.upload, err = b.Store.SignUpload(t.Context(), storage.Object{Bucket: storage.BucketRenders, Path: "u-1/render/b.png"},
		storage.UploadPolicy{ContentType: "image/png", Size: 7, Expires: time.Hour})
	require.NoError(t, err)
	return b
}

// do sends a request. Only a *strings.Reader is sent with a Content-Length.
func (b fixture) do(t *testing.T, method, url string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, body)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.Server.Client().Do(req)
	require.NoError(t, err)
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res, string(content)
}
