package storagetest

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

var uploadTests = map[string]func(*testing.T, Subject){
	"a signed upload works as returned":        testUpload,
	"a signed upload works once":               testUploadOnce,
	"a signed upload replaces nothing":         testUploadExisting,
	"a signed upload takes the announced type": testUploadType,
	"a signed upload takes the announced size": testUploadSize,
	"a signed upload expires":                  testUploadExpires,
	"a signed upload can't be altered":         testUploadTampered,
	"racing uploads leave one whole":           testUploadRace,
	"an upload that is cut off leaves nothing": testUploadAborted,
}

const minute = time.Minute

func pngPolicy(size int64) storage.UploadPolicy {
	return storage.UploadPolicy{ContentType: "image/png", Size: size, Expires: 10 * minute}
}

// signUpload signs an upload and expects it to work.
func (s Subject) signUpload(t *testing.T, object storage.Object, policy storage.UploadPolicy) storage.SignedUpload {
	t.Helper()
	signed, err := s.Store.SignUpload(t.Context(), object, policy)
	require.NoError(t, err)
	return signed
}

// upload sends a signed upload exactly as told and returns the status.
func (s Subject) upload(t *testing.T, signed storage.SignedUpload, content []byte) int {
	t.Helper()
	res, _ := s.Server.send(t, signed.Method, signed.URL, signed.Headers, content)
	return res.StatusCode
}

// requireRefused expects a refusal, with JSON to tell why.
func requireRefused(t *testing.T, status int) {
	t.Helper()
	require.GreaterOrEqual(t, status, 400)
	require.Less(t, status, 500)
}

func testUpload(t *testing.T, s Subject) {
	object, content := storage.Object{Bucket: narrow, Path: "u-1/selfie/a.png"}, []byte("picture")
	signed := s.signUpload(t, object, pngPolicy(int64(len(content))))
	require.Equal(t, http.MethodPut, signed.Method)
	require.True(t, strings.HasPrefix(signed.URL, s.Server.URL+"/"), "the URL is absolute")
	require.True(t, signed.ExpiresAt.After(s.Clock.Now()))
	require.LessOrEqual(t, signed.ExpiresAt, s.Clock.Now().Add(10*minute))
	s.requireMissing(t, object)

	require.Equal(t, http.StatusOK, s.upload(t, signed, content))
	require.Equal(t, content, s.get(t, object))
	info, err := s.Store.Head(t.Context(), object)
	require.NoError(t, err)
	require.Equal(t, "image/png", info.ContentType)
}

func testUploadOnce(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a.png"}
	signed := s.signUpload(t, object, pngPolicy(5))
	require.Equal(t, http.StatusOK, s.upload(t, signed, []byte("first")))
	requireRefused(t, s.upload(t, signed, []byte("later")))
	require.Equal(t, "first", string(s.get(t, object)))
}

func testUploadExisting(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a.png"}
	signed := s.signUpload(t, object, pngPolicy(5))
	s.put(t, object, "image/webp", []byte("ours"))
	requireRefused(t, s.upload(t, signed, []byte("later")))
	_, err := s.Store.SignUpload(t.Context(), object, pngPolicy(5))
	require.ErrorIs(t, err, storage.ErrExists)
	require.Equal(t, "ours", string(s.get(t, object)))
}

func testUploadType(t *testing.T, s Subject) {
	for bucket, refused := range map[string]bool{plain: s.BindsUploads, narrow: true} {
		object := storage.Object{Bucket: bucket, Path: "a.png"}
		signed := s.signUpload(t, object, pngPolicy(4))
		signed.Headers = map[string]string{"Content-Type": "text/html"}
		status := s.upload(t, signed, []byte("<p/>"))
		if !refused {
			require.Equal(t, http.StatusOK, status)
			continue
		}
		requireRefused(t, status)
		s.requireMissing(t, object)
	}
}

func testUploadSize(t *testing.T, s Subject) {
	for _, size := range []int{0, 499, 501, narrowBytes + 1} {
		object := storage.Object{Bucket: narrow, Path: "a.png"}
		status := s.upload(t, s.signUpload(t, object, pngPolicy(500)), make([]byte, size))
		if !s.BindsUploads && size <= narrowBytes {
			require.Equal(t, http.StatusOK, status)
			require.NoError(t, s.Store.Remove(t.Context(), narrow, object.Path))
			continue
		}
		requireRefused(t, status)
		s.requireMissing(t, object)
	}
	// A policy can't lift the bucket's limit.
	object := storage.Object{Bucket: narrow, Path: "b.png"}
	signed := s.signUpload(t, object, pngPolicy(narrowBytes+1))
	requireRefused(t, s.upload(t, signed, make([]byte, narrowBytes+1)))
	s.requireMissing(t, object)
}

func testUploadExpires(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a.png"}
	signed := s.signUpload(t, object, pngPolicy(5))
	s.Clock.Advance(24 * time.Hour)
	requireRefused(t, s.upload(t, signed, []byte("first")))
	s.requireMissing(t, object)
}

func testUploadTampered(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "u-1/a.png"}
	signed := s.signUpload(t, object, pngPolicy(5))
	tampered := tamper(t, signed.URL, "u-1/a.png", "u-2/a.png", plain)
	for what, altered := range tampered {
		res, _ := s.Server.send(t, signed.Method, altered, signed.Headers, []byte("evil!"))
		require.GreaterOrEqual(t, res.StatusCode, 400, what)
		require.Less(t, res.StatusCode, 500, what)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
		res, _ := s.Server.send(t, method, signed.URL, signed.Headers, []byte("evil!"))
		require.GreaterOrEqual(t, res.StatusCode, 400, method)
	}
	s.Server.Settle()
	for _, bucket := range []string{plain, other} {
		page, err := s.Store.List(t.Context(), bucket, "", "", 10)
		require.NoError(t, err)
		require.Empty(t, page.Entries, "nothing was stored under any name")
	}
}

// tamper alters a signed URL in each way that must not work.
func tamper(t *testing.T, signed, path, stranger, bucket string) map[string]string {
	t.Helper()
	u, err := url.Parse(signed)
	require.NoError(t, err)
	withoutQuery := *u
	withoutQuery.RawQuery = ""
	altered := map[string]string{
		"another path":   strings.Replace(signed, path, stranger, 1),
		"a deeper path":  strings.Replace(signed, path, path+"/x", 1),
		"another bucket": strings.Replace(signed, "/"+bucket+"/", "/"+other+"/", 1),
		"dot segments":   strings.Replace(signed, path, "u-9/%2e%2e/"+path, 1),
		"climbing out":   strings.Replace(signed, path, "..%2f..%2f"+path, 1),
		"no signature":   withoutQuery.String(),
	}
	for name, values := range u.Query() {
		query := u.Query()
		query.Set(name, flipped(values[0]))
		changed := *u
		changed.RawQuery = query.Encode()
		altered["changed "+name] = changed.String()
		query.Del(name)
		changed.RawQuery = query.Encode()
		altered["no "+name] = changed.String()
	}
	return altered
}

// flipped changes a value in its middle, where a base64 digit has no bits to spare.
func flipped(value string) string {
	b := []byte(value)
	i := len(b) / 2
	if b[i]++; b[i] == '9'+1 || b[i] == 'z'+1 || b[i] == 'Z'+1 {
		b[i] -= 2
	}
	return string(b)
}

func testUploadRace(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "u-1/a.png"}
	const clients, size = 6, 100_000
	signed := s.signUpload(t, object, pngPolicy(size))
	var wait sync.WaitGroup
	statuses := make(chan int, clients)
	for i := range clients {
		wait.Go(func() {
			body := bytes.NewReader(bytes.Repeat([]byte{byte('a' + i)}, size))
			req, err := http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, body)
			if err != nil {
				return
			}
			for name, value := range signed.Headers {
				req.Header.Set(name, value)
			}
			res, err := s.Server.Client().Do(req)
			if err != nil {
				return // a refusal that came before the body was sent
			}
			statuses <- res.StatusCode
			_ = res.Body.Close()
		})
	}
	wait.Wait()
	close(statuses)
	succeeded := 0
	for status := range statuses {
		if status == http.StatusOK {
			succeeded++
		}
	}
	require.GreaterOrEqual(t, succeeded, 1)
	if !s.ReplacesLate {
		require.Equal(t, 1, succeeded)
	}
	content := s.get(t, object)
	require.Len(t, content, size)
	require.Equal(t, bytes.Repeat(content[:1], size), content)
}

func testUploadAborted(t *testing.T, s Subject) {
	object := storage.Object{Bucket: plain, Path: "a.png"}
	const size = 20 << 20
	signed := s.signUpload(t, object, pngPolicy(size))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sent := 0
	body := readerFunc(func(p []byte) (int, error) {
		if sent += len(p); sent > 3*size/4 { // more than fits into buffers on the way: the server is reading it
			cancel()
		}
		return len(p), nil
	})
	req, err := http.NewRequestWithContext(ctx, signed.Method, signed.URL, body)
	require.NoError(t, err)
	req.ContentLength = size
	for name, value := range signed.Headers {
		req.Header.Set(name, value)
	}
	res, err := s.Server.Client().Do(req)
	if err == nil {
		_ = res.Body.Close()
	}
	require.Error(t, err)
	s.Server.Settle()
	s.requireMissing(t, object)
	require.Equal(t, http.StatusOK, s.upload(t, signed, make([]byte, size)), "the URL is not spent")
}
