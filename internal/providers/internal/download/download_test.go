package download

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
)

const secret = "signature=do-not-tell"

func get(t *testing.T, handler http.HandlerFunc, change func(*Config)) ([]byte, string, error) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := Config{Provider: "test", Hosts: []string{"fal.media"}, BaseURL: server.URL, AllowLoopback: true}
	if change != nil {
		change(&cfg)
	}
	client := New(cfg)
	t.Cleanup(client.Close)
	return client.Get(t.Context(), server.URL+"/a.png?"+secret)
}

func requireFault(t *testing.T, err error, class providers.Class, reason string) {
	t.Helper()
	var fault *providers.Error
	require.ErrorAs(t, err, &fault)
	require.Equal(t, class, fault.Class)
	require.Equal(t, reason, fault.Reason)
	require.NotContains(t, err.Error(), "do-not-tell")
	require.NotContains(t, err.Error(), "a.png")
}

func drawing(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, image.NewGray(image.Rect(0, 0, 8, 8))))
	return out.Bytes()
}

func TestGet_typeIsToldByTheBytes(t *testing.T) {
	t.Parallel()
	want := drawing(t)
	data, contentType, err := get(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(want)
	}, nil)
	require.NoError(t, err)
	require.Equal(t, want, data)
	require.Equal(t, "image/png", contentType)

	_, _, err = get(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write([]byte("<html>no picture</html>"))
	}, nil)
	requireFault(t, err, providers.Transient, "not_an_image")
}

func TestGet_limits(t *testing.T) {
	t.Parallel()
	_, _, err := get(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(append(drawing(t), make([]byte, 2000)...))
	}, func(c *Config) { c.MaxBytes = 1000 })
	requireFault(t, err, providers.Transient, "result_too_large")

	_, _, err = get(t, func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
	}, func(c *Config) { c.Timeout = 20 * time.Millisecond })
	requireFault(t, err, providers.Transient, "timeout")
}

func TestGet_triesAgainWhereThatHelps(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	_, _, err := get(t, func(w http.ResponseWriter, _ *http.Request) {
		switch calls.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.Header().Set("Content-Length", "500")
			_, _ = w.Write(drawing(t)[:20])
			panic(http.ErrAbortHandler)
		default:
			_, _ = w.Write(drawing(t))
		}
	}, nil)
	require.NoError(t, err)
	require.EqualValues(t, 3, calls.Load())

	calls.Store(0)
	_, _, err = get(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusForbidden)
	}, nil)
	requireFault(t, err, providers.Transient, "result_expired")
	require.EqualValues(t, 1, calls.Load())

	_, _, err = get(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil)
	var fault *providers.Error
	require.ErrorAs(t, err, &fault, "whether the end or a reset of the connection is seen first is chance")
	require.Equal(t, providers.Transient, fault.Class)
}

func TestGet_checksRedirects(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"http://169.254.169.254/latest?" + secret, "https://evil.com/a?" + secret, "http://10.0.0.1/a.png", "file:///etc/passwd", "://a.png?" + secret,
	} {
		_, _, err := get(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusFound)
		}, nil)
		require.Error(t, err, to)
		require.NotContains(t, err.Error(), "do-not-tell")
		if !strings.HasPrefix(to, ":") {
			requireFault(t, err, providers.Permanent, "result_url_refused")
		}
	}
	var referer atomic.Value
	data, _, err := get(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/a.png" {
			http.Redirect(w, r, "/b.png", http.StatusFound)
			return
		}
		referer.Store(r.Referer())
		_, _ = w.Write(drawing(t))
	}, nil)
	require.NoError(t, err)
	require.Empty(t, referer.Load())
	require.NotEmpty(t, data)
	_, _, err = get(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again?"+secret, http.StatusFound) }, nil)
	requireFault(t, err, providers.Transient, "bad_answer")
}

// A fake's pictures come from this machine; a real provider's never do, not even by a name of its own that leads here.
func TestGet_loopbackNeedsBothTheOptionAndALoopbackBase(t *testing.T) {
	t.Parallel()
	answer := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(drawing(t)) }
	for name, change := range map[string]func(*Config){
		"without the option":   func(c *Config) { c.AllowLoopback = false },
		"with a real base URL": func(c *Config) { c.BaseURL = "https://queue.fal.run" },
	} {
		_, _, err := get(t, answer, change)
		require.Error(t, err, name)
		requireFault(t, err, providers.Permanent, "result_url_refused")
	}
	tls := httptest.NewTLSServer(http.HandlerFunc(answer))
	t.Cleanup(tls.Close)
	client := New(Config{Provider: "test", Hosts: []string{"localhost"}, BaseURL: "http://127.0.0.1", AllowLoopback: true})
	t.Cleanup(client.Close)
	_, _, err := client.Get(t.Context(), "https://localhost/a.png?"+secret)
	requireFault(t, err, providers.Permanent, "result_url_refused")
	require.ErrorIs(t, err, errAddress, "an allowed name that leads to this machine is refused when it is dialled")
}

func TestGet_endsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	client := New(Config{Provider: "test", BaseURL: server.URL, AllowLoopback: true})
	t.Cleanup(client.Close)
	_, _, err := client.Get(ctx, server.URL+"/a.png?"+secret)
	require.ErrorIs(t, err, context.Canceled)
	var fault *providers.Error
	require.NotErrorAs(t, err, &fault)
	require.NotContains(t, err.Error(), "do-not-tell")
}
