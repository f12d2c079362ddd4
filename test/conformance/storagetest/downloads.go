package storagetest

import (
	"mime"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

var downloadTests = map[string]func(*testing.T, Subject){
	"a signed download reads one object":     testDownload,
	"a signed download answers as a CDN":     testDownloadConditions,
	"downloads are signed in order":          testDownloadOrder,
	"a signed download expires":              testDownloadExpires,
	"a signed download can't be altered":     testDownloadTampered,
	"a signed download of what is gone":      testDownloadGone,
	"a signed download survives replacement": testDownloadReplaced,
}

// signDownload signs the reading of one object.
func (s Subject) signDownload(t *testing.T, object storage.Object) string {
	t.Helper()
	links, err := s.Store.SignDownloads(t.Context(), object.Bucket, []string{object.Path}, 10*minute)
	require.NoError(t, err)
	require.Len(t, links, 1)
	return links[0].URL
}

func testDownload(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "u-1/ref/a.webp"}
	s.put(t, object, "image/webp", []byte("picture"))
	info, err := s.Store.Head(t.Context(), object)
	require.NoError(t, err)
	link := s.signDownload(t, object)

	res, content := s.Server.send(t, http.MethodGet, link, nil, nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Equal(t, "picture", string(content))
	require.Equal(t, "image/webp", res.Header.Get("Content-Type"))
	require.Equal(t, "7", res.Header.Get("Content-Length"))
	require.Equal(t, "bytes", res.Header.Get("Accept-Ranges"))
	require.Equal(t, info.ETag, res.Header.Get("ETag"))
	disposition, params, err := mime.ParseMediaType(res.Header.Get("Content-Disposition"))
	require.NoError(t, err)
	require.Equal(t, "attachment", disposition)
	require.Equal(t, "a.webp", params["filename"])

	res, content = s.Server.send(t, http.MethodHead, link, nil, nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Empty(t, content)
	require.Equal(t, "7", res.Header.Get("Content-Length"))
}

func testDownloadConditions(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a.png"}
	s.put(t, object, "image/png", []byte("0123456789"))
	info, err := s.Store.Head(t.Context(), object)
	require.NoError(t, err)
	link := s.signDownload(t, object)
	cases := []struct {
		name    string
		headers map[string]string
		status  int
		content string
	}{
		{"same ETag", map[string]string{"If-None-Match": info.ETag}, http.StatusNotModified, ""},
		{"other ETag", map[string]string{"If-None-Match": `"other"`}, http.StatusOK, "0123456789"},
		{"first bytes", map[string]string{"Range": "bytes=0-3"}, http.StatusPartialContent, "0123"},
		{"from the middle", map[string]string{"Range": "bytes=7-"}, http.StatusPartialContent, "789"},
		{"last bytes", map[string]string{"Range": "bytes=-2"}, http.StatusPartialContent, "89"},
		{"if still the same", map[string]string{"Range": "bytes=1-1", "If-Range": info.ETag}, http.StatusPartialContent, "1"},
		{"if not the same", map[string]string{"Range": "bytes=1-1", "If-Range": `"other"`}, http.StatusOK, "0123456789"},
	}
	for _, c := range cases {
		res, content := s.Server.send(t, http.MethodGet, link, c.headers, nil)
		require.Equal(t, c.status, res.StatusCode, c.name)
		require.Equal(t, c.content, string(content), c.name)
	}
	res, _ := s.Server.send(t, http.MethodGet, link, map[string]string{"Range": "bytes=99-"}, nil)
	requireRefused(t, res.StatusCode)
}

func testDownloadOrder(t *testing.T, s Subject) {
	for _, p := range []string{"a", "b", "c"} {
		s.put(t, storage.Object{Bucket: plain, Path: p}, "image/png", []byte("content of "+p))
	}
	asked := []string{"c", "none", "a", "c", "b", "deep/none"}
	links, err := s.Store.SignDownloads(t.Context(), plain, asked, 10*minute)
	require.NoError(t, err)
	require.Len(t, links, len(asked))
	for i, p := range asked {
		if strings.HasSuffix(p, "none") {
			require.Equal(t, storage.SignedURL{}, links[i])
			continue
		}
		require.Equal(t, s.Clock.Now().Add(10*minute), links[i].ExpiresAt)
		_, content := s.Server.send(t, http.MethodGet, links[i].URL, nil, nil)
		require.Equal(t, "content of "+p, string(content))
	}
	links, err = s.Store.SignDownloads(t.Context(), plain, nil, minute)
	require.NoError(t, err)
	require.Empty(t, links)

	many := make([]string, 1100) // more than goes into one call
	for i := range many {
		many[i] = "none"
	}
	many[0], many[1099] = "a", "b"
	links, err = s.Store.SignDownloads(t.Context(), plain, many, minute)
	require.NoError(t, err)
	require.Len(t, links, len(many))
	require.NotEmpty(t, links[0].URL)
	require.Empty(t, links[1].URL)
	require.NotEmpty(t, links[1099].URL)
}

func testDownloadExpires(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a.png"}
	s.put(t, object, "image/png", []byte("picture"))
	link := s.signDownload(t, object)
	s.Clock.Advance(10*minute - time.Second)
	res, _ := s.Server.send(t, http.MethodGet, link, nil, nil)
	require.Equal(t, http.StatusOK, res.StatusCode)
	s.Clock.Advance(2 * time.Second)
	res, content := s.Server.send(t, http.MethodGet, link, nil, nil)
	requireRefused(t, res.StatusCode)
	require.NotContains(t, string(content), "picture")
}

func testDownloadTampered(t *testing.T, s Subject) {
	for _, bucket := range []string{plain, other} {
		for _, p := range []string{"u-1/a.png", "u-2/a.png"} {
			s.put(t, storage.Object{Bucket: bucket, Path: p}, "image/png", []byte("secret"))
		}
	}
	link := s.signDownload(t, storage.Object{Bucket: plain, Path: "u-1/a.png"})
	link, _, _ = strings.Cut(link, "&download=") // a name for the file, which Supabase does not sign
	for what, altered := range tamper(t, link, "u-1/a.png", "u-2/a.png", plain) {
		res, content := s.Server.send(t, http.MethodGet, altered, nil, nil)
		require.GreaterOrEqual(t, res.StatusCode, 400, what)
		require.NotContains(t, string(content), "secret", what)
	}
	res, _ := s.Server.send(t, http.MethodPut, link, map[string]string{"Content-Type": "image/png"}, []byte("evil"))
	require.GreaterOrEqual(t, res.StatusCode, 400, "a link to read is none to write")
	require.Equal(t, "secret", string(s.get(t, storage.Object{Bucket: plain, Path: "u-1/a.png"})))
}

func testDownloadGone(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a.png"}
	s.put(t, object, "image/png", []byte("picture"))
	link := s.signDownload(t, object)
	require.NoError(t, s.Store.Remove(t.Context(), plain, "a.png"))
	res, _ := s.Server.send(t, http.MethodGet, link, nil, nil)
	requireRefused(t, res.StatusCode)
}

func testDownloadReplaced(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a.png"}
	s.put(t, object, "image/png", []byte("picture"))
	link := s.signDownload(t, object)
	s.put(t, object, "image/webp", []byte("better"))
	res, content := s.Server.send(t, http.MethodGet, link, nil, nil)
	require.Equal(t, "better", string(content))
	require.Equal(t, "image/webp", res.Header.Get("Content-Type"))
}
