package filesystem_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/test/conformance/storagetest"
)

func TestHandler_refusals(t *testing.T) {
	t.Parallel()
	const png, contentType = "image/png", "Content-Type"
	cases := []struct {
		name   string
		status int
		code   apperr.Code
		send   func(t *testing.T, b fixture) (*http.Response, string)
	}{
		{"unsigned", 401, apperr.CodeUnauthenticated, func(t *testing.T, b fixture) (*http.Response, string) {
			return b.do(t, http.MethodGet, b.Server.URL+"/storage/renders/u-1/render/a.png", nil)
		}},
		{"outside of the base path", 401, apperr.CodeUnauthenticated, func(t *testing.T, b fixture) (*http.Response, string) {
			return b.do(t, http.MethodGet, strings.Replace(b.link, "/storage/", "/else/", 1), nil)
		}},
		{"gone", 404, apperr.CodeNotFound, func(t *testing.T, b fixture) (*http.Response, string) {
			require.NoError(t, b.Store.Remove(t.Context(), b.stored.Bucket, b.stored.Path))
			return b.do(t, http.MethodGet, b.link, nil)
		}},
		{"method", 405, apperr.CodeMethodNotAllowed, func(t *testing.T, b fixture) (*http.Response, string) {
			return b.do(t, http.MethodDelete, b.link, nil)
		}},
		{"range", 416, apperr.CodeValidationFailed, func(t *testing.T, b fixture) (*http.Response, string) {
			return b.do(t, http.MethodGet, b.link, nil, "Range", "bytes=7-")
		}},
		{"no type", 415, apperr.CodeUnsupportedMediaType, func(t *testing.T, b fixture) (*http.Response, string) {
			return b.do(t, http.MethodPut, b.upload.URL, strings.NewReader("picture"))
		}},
		{"wrong type", 415, apperr.CodeUnsupportedMediaType, func(t *testing.T, b fixture) (*http.Response, string) {
			return b.do(t, http.MethodPut, b.upload.URL, strings.NewReader("picture"), contentType, "image/webp")
		}},
		{"too long", 413, apperr.CodePayloadTooLarge, func(t *testing.T, b fixture) (*http.Response, string) {
			return b.do(t, http.MethodPut, b.upload.URL, strings.NewReader("pictures"), contentType, png)
		}},
		{"too short", 400, apperr.CodeValidationFailed, func(t *testing.T, b fixture) (*http.Response, string) {
			return b.do(t, http.MethodPut, b.upload.URL, strings.NewReader("pictur"), contentType, png)
		}},
		{"length unknown", 400, apperr.CodeValidationFailed, func(t *testing.T, b fixture) (*http.Response, string) {
			return b.do(t, http.MethodPut, b.upload.URL, io.MultiReader(strings.NewReader("picture")), contentType, png)
		}},
		{"again", 409, apperr.CodeVersionConflict, func(t *testing.T, b fixture) (*http.Response, string) {
			res, _ := b.do(t, http.MethodPut, b.upload.URL, strings.NewReader("picture"), contentType, png)
			require.Equal(t, http.StatusOK, res.StatusCode)
			return b.do(t, http.MethodPut, b.upload.URL, strings.NewReader("pixture"), contentType, png)
		}},
		{"bucket's limit", 413, apperr.CodePayloadTooLarge, func(t *testing.T, b fixture) (*http.Response, string) {
			require.NoError(t, b.Store.EnsureBuckets(t.Context(), []storage.Bucket{{Name: storage.BucketRenders, MaxBytes: 6}}))
			return b.do(t, http.MethodPut, b.upload.URL, strings.NewReader("picture"), contentType, png)
		}},
		{"bucket's types", 415, apperr.CodeUnsupportedMediaType, func(t *testing.T, b fixture) (*http.Response, string) {
			rules := []storage.Bucket{{Name: storage.BucketRenders, ContentTypes: []string{"image/webp"}}}
			require.NoError(t, b.Store.EnsureBuckets(t.Context(), rules))
			return b.do(t, http.MethodPut, b.upload.URL, strings.NewReader("picture"), contentType, png)
		}},
		{"broken file", 503, apperr.CodeUnavailable, func(t *testing.T, b fixture) (*http.Response, string) {
			require.NoError(t, os.Truncate(filepath.Join(b.root, "renders", b.stored.Path), 20))
			return b.do(t, http.MethodGet, b.link, nil)
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res, content := c.send(t, setup(t))
			require.Equal(t, c.status, res.StatusCode)
			require.Equal(t, "application/json", res.Header.Get("Content-Type"))
			require.Equal(t, "no-store", res.Header.Get("Cache-Control"))
			var envelope map[string]map[string]string
			require.NoError(t, json.Unmarshal([]byte(content), &envelope))
			require.Equal(t, string(c.code), envelope["error"]["code"])
			require.NotEmpty(t, envelope["error"]["message"])
			require.Len(t, envelope["error"], 2)
			require.Len(t, envelope, 1)
		})
	}
}

// TestHandler_bindsTheUpload alters what was announced, and sends what the altered URL says.
func TestHandler_bindsTheUpload(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cases := []struct{ name, from, to, contentType, content string }{
		{"type", "content_type=image%2Fpng", "content_type=image%2Fwebp", "image/webp", "picture"},
		{"size", "size=7", "size=8", "image/png", "pictures"},
		{"expiry", "expires=", "expires=9", "image/png", "picture"},
		{"path", "u-1", "u-2", "image/png", "picture"},
		{"bucket", "/renders/", "/user_assets/", "image/png", "picture"},
	}
	for _, c := range cases {
		altered := strings.Replace(b.upload.URL, c.from, c.to, 1)
		require.NotEqual(t, b.upload.URL, altered, c.name)
		res, _ := b.do(t, http.MethodPut, altered, strings.NewReader(c.content), "Content-Type", c.contentType)
		require.Equal(t, http.StatusUnauthorized, res.StatusCode, c.name)
	}
	res, _ := b.do(t, http.MethodPut, b.upload.URL, strings.NewReader("picture"), "Content-Type", "image/png")
	require.Equal(t, http.StatusOK, res.StatusCode)
	empty, err := b.Store.SignUpload(t.Context(), storage.Object{Bucket: storage.BucketRenders, Path: "empty.png"},
		storage.UploadPolicy{ContentType: "image/png", Size: 0, Expires: time.Hour})
	require.NoError(t, err)
	for _, written := range []string{b.upload.URL, empty.URL} {
		res, _ = b.do(t, http.MethodGet, written, nil)
		require.Equal(t, http.StatusUnauthorized, res.StatusCode, "a URL to write is none to read")
	}
	res, _ = b.do(t, http.MethodPut, b.link+"&content_type=image%2Fpng&size=7", strings.NewReader("picture"),
		"Content-Type", "image/png")
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
}

func TestHandler_headers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Clock.Advance(10 * time.Minute)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		res, _ := b.do(t, method, b.link, nil)
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
		require.Equal(t, "private, max-age=3000", res.Header.Get("Cache-Control"))
		require.Equal(t, "default-src 'none'; base-uri 'none'; sandbox", res.Header.Get("Content-Security-Policy"))
		require.Equal(t, "image/png", res.Header.Get("Content-Type"))
		require.NotEmpty(t, res.Header.Get("Last-Modified"))
		require.Empty(t, res.Header.Get("Access-Control-Allow-Origin"))
	}
	res, _ := b.do(t, http.MethodGet, b.link, nil, "Range", "bytes=1-2")
	require.Equal(t, "bytes 1-2/7", res.Header.Get("Content-Range"))
	res, _ = b.do(t, http.MethodGet, b.link, nil, "Range", "bytes=9-")
	require.Equal(t, "bytes */7", res.Header.Get("Content-Range"))
	res, _ = b.do(t, http.MethodDelete, b.link, nil)
	require.Equal(t, "GET, HEAD, PUT, OPTIONS", res.Header.Get("Allow"))
	res, _ = b.do(t, http.MethodGet, b.link+"x", nil)
	require.NotEmpty(t, res.Header.Get("WWW-Authenticate"))
}

func TestHandler_CORS(t *testing.T) {
	t.Parallel()
	b := setup(t)
	preflight := func(from string) *http.Response {
		res, _ := b.do(t, http.MethodOptions, b.upload.URL, nil, "Origin", from,
			"Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "content-type")
		require.Equal(t, http.StatusNoContent, res.StatusCode)
		require.Equal(t, "Origin", res.Header.Get("Vary"))
		return res
	}
	res := preflight(origin)
	require.Equal(t, origin, res.Header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, res.Header.Get("Access-Control-Allow-Methods"), "PUT")
	require.Contains(t, res.Header.Get("Access-Control-Allow-Headers"), "Content-Type")
	require.Empty(t, res.Header.Get("Access-Control-Allow-Credentials"))
	for _, stranger := range []string{"https://evil.example", origin + ".evil.example", "http://studio.example", "null", origin + "/"} {
		require.Empty(t, preflight(stranger).Header.Get("Access-Control-Allow-Origin"), stranger)
	}

	res, _ = b.do(t, http.MethodPut, b.upload.URL, strings.NewReader("picture"), "Content-Type", "image/png", "Origin", origin)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, origin, res.Header.Get("Access-Control-Allow-Origin"))
	res, _ = b.do(t, http.MethodGet, b.link+"x", nil, "Origin", origin)
	require.Equal(t, origin, res.Header.Get("Access-Control-Allow-Origin"), "a page can read why it was refused")
}

func TestHandler_logsFaultsWithoutTheURL(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	root, clock := t.TempDir(), storagetest.NewClock()
	var store *filesystem.Store
	server := storagetest.Serve(t, func(url string) http.Handler {
		var err error
		store, err = filesystem.New(filesystem.Config{
			Root: root, BaseURL: url, Key: make([]byte, filesystem.MinKeyBytes), Now: clock.Now,
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, store.Close()) })
		return store
	})
	b := fixture{Subject: storagetest.Subject{Server: server}}
	require.NoError(t, store.EnsureBuckets(t.Context(), storage.Buckets()))
	object := storage.Object{Bucket: storage.BucketRenders, Path: "a.png"}
	require.NoError(t, store.Put(t.Context(), object, "image/png", strings.NewReader("picture"), 7))
	links, err := store.SignDownloads(t.Context(), object.Bucket, []string{object.Path}, time.Hour)
	require.NoError(t, err)
	res, _ := b.do(t, http.MethodGet, links[0].URL, nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, os.Truncate(filepath.Join(root, "renders", "a.png"), 3))
	res, _ = b.do(t, http.MethodGet, links[0].URL, nil)
	require.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	server.Settle()
	require.Equal(t, 1, strings.Count(log.String(), "\n"), "logged once")
	require.Contains(t, log.String(), "renders/a.png")
	_, signature, _ := strings.Cut(links[0].URL, "signature=")
	require.NotContains(t, log.String(), signature)
}
