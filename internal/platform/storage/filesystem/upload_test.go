package filesystem_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
)

// uploading is a Store behind a server that has given up every body before the handler is called, unless the handler asks
// for more time.
type uploading struct {
	store  *filesystem.Store
	object storage.Object
	conn   *net.TCPConn
	head   string // of the request
}

func setupUpload(t *testing.T, uploadTime time.Duration) uploading {
	t.Helper()
	u := uploading{object: storage.Object{Bucket: storage.BucketRenders, Path: "u-1/render/b.png"}}
	server := httptest.NewUnstartedServer(nil)
	var err error
	u.store, err = filesystem.New(filesystem.Config{
		Root: t.TempDir(), BaseURL: "http://" + server.Listener.Addr().String() + "/storage", Now: time.Now,
		Key: bytes.Repeat([]byte("k"), filesystem.MinKeyBytes), UploadTime: uploadTime,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, u.store.Close()) })
	server.Config.Handler = u.store
	server.Config.ReadHeaderTimeout, server.Config.ReadTimeout = time.Minute, time.Nanosecond
	server.Start()
	t.Cleanup(server.Close)
	require.NoError(t, u.store.EnsureBuckets(t.Context(), storage.Buckets()))
	signed, err := u.store.SignUpload(t.Context(), u.object, storage.UploadPolicy{ContentType: "image/png", Size: 7, Expires: time.Hour})
	require.NoError(t, err)
	address, err := url.Parse(signed.URL)
	require.NoError(t, err)
	u.head = "PUT " + address.RequestURI() + " HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 7\r\n"
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
	u.conn = conn.(*net.TCPConn)
	return u
}

// answer sends text and returns what comes back, without "100 Continue".
func (u uploading) answer(t *testing.T, text string) (status int, body string) {
	t.Helper()
	if text != "" {
		_, err := io.WriteString(u.conn, text)
		require.NoError(t, err)
	}
	res, err := http.ReadResponse(bufio.NewReader(u.conn), nil)
	require.NoError(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(content)
}

func (u uploading) requireStored(t *testing.T, want bool) {
	t.Helper()
	_, err := u.store.Head(t.Context(), u.object)
	if want {
		require.NoError(t, err)
		return
	}
	require.ErrorIs(t, err, storage.ErrMissing)
}

// An upload has minutes, whatever time the server has for small requests; and a client that closes its half behind it is
// answered all the same.
func TestUpload_200_slow(t *testing.T) {
	t.Parallel()
	for _, halfClose := range []bool{false, true} {
		u := setupUpload(t, 0)
		_, err := io.WriteString(u.conn, u.head+"Expect: 100-continue\r\n\r\n")
		require.NoError(t, err)
		proceed := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
		_, err = io.ReadFull(u.conn, proceed) // the handler reads
		require.NoError(t, err)
		_, err = io.WriteString(u.conn, "pict")
		require.NoError(t, err)
		if halfClose {
			_, err = io.WriteString(u.conn, "ure")
			require.NoError(t, err)
			require.NoError(t, u.conn.CloseWrite())
			status, body := u.answer(t, "")
			require.Equal(t, http.StatusOK, status, body)
		} else {
			status, body := u.answer(t, "ure")
			require.Equal(t, http.StatusOK, status, body)
		}
		u.requireStored(t, true)
	}
}

// An upload that is cut is never told that it was stored.
func TestUpload_408_stalls(t *testing.T) {
	t.Parallel()
	u := setupUpload(t, 50*time.Millisecond)
	status, body := u.answer(t, u.head+"\r\npict")
	require.Equal(t, http.StatusRequestTimeout, status)
	require.Contains(t, body, "request_timeout")
	u.requireStored(t, false)
}

func TestUpload_400_endsEarly(t *testing.T) {
	t.Parallel()
	u := setupUpload(t, 0)
	_, err := io.WriteString(u.conn, u.head+"\r\npict")
	require.NoError(t, err)
	require.NoError(t, u.conn.CloseWrite())
	status, body := u.answer(t, "")
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, body, "broke off")
	u.requireStored(t, false)
}
