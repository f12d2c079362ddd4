package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

func TestClient_boundsAnswers(t *testing.T) {
	t.Parallel()
	for _, announced := range []bool{true, false} {
		for size, ok := range map[int]bool{0: true, 999: true, 1000: true, 1001: false, 5000: false} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if announced {
					w.Header().Set("Content-Length", fmt.Sprint(size))
				} else {
					_ = http.NewResponseController(w).Flush()
				}
				_, _ = io.WriteString(w, strings.Repeat("x", size))
			}))
			client := NewClient(1000)
			var got []byte
			res, err := client.Get(server.URL)
			if err == nil {
				got, err = io.ReadAll(res.Body)
				require.NoError(t, res.Body.Close())
			}
			if ok {
				require.NoError(t, err)
				require.Len(t, got, size)
			} else {
				require.ErrorIs(t, err, ErrTooLarge)
			}
			client.CloseIdleConnections()
			server.Close()
		}
	}
}

// A redirect would carry the key to the host that it names.
func TestClient_followsNoRedirect(t *testing.T) {
	t.Parallel()
	var others int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { others++ }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	client := NewClient(1000)
	defer client.CloseIdleConnections()
	res, err := client.Post(server.URL, "text/plain", strings.NewReader("x"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusTemporaryRedirect, res.StatusCode)
	require.Zero(t, others)
}

func TestFailure(t *testing.T) {
	t.Parallel()
	for reason, err := range map[string]error{
		"answer_too_large":  fmt.Errorf("read secret: %w", ErrTooLarge),
		"timeout":           fmt.Errorf("secret: %w", context.DeadlineExceeded),
		"unreachable":       &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		"connection_broken": fmt.Errorf("secret: %w", io.ErrUnexpectedEOF),
		"bad_answer":        errors.New("invalid character in secret"),
	} {
		failed := Failure(t.Context(), "vendor", err)
		vendor, ok := errors.AsType[*providers.Error](failed)
		require.True(t, ok)
		require.Equal(t, providers.Transient, vendor.Class)
		require.Equal(t, reason, vendor.Reason)
		require.NotContains(t, failed.Error(), "secret")
	}
	dns := Failure(t.Context(), "vendor", &net.OpError{Op: "dial", Err: &net.DNSError{Name: "secret"}})
	require.ErrorContains(t, dns, "unreachable")
	require.NotContains(t, dns.Error(), "secret")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	failed := Failure(ended, "vendor", errors.New("secret"))
	require.ErrorIs(t, failed, context.Canceled)
	_, ok := errors.AsType[*providers.Error](failed)
	require.False(t, ok, "the end of a context is not the vendor's failure")

	ours := &providers.Error{Throttled: true}
	require.Same(t, ours, Failure(t.Context(), "vendor", fmt.Errorf("sent: %w", ours)))
}

func TestClassOf(t *testing.T) {
	t.Parallel()
	for status, class := range map[int]providers.Class{
		302: providers.Permanent, 400: providers.Permanent, 401: providers.Permanent, 403: providers.Permanent,
		404: providers.Permanent, 408: providers.Transient, 422: providers.Permanent, 425: providers.Transient,
		429: providers.Transient, 500: providers.Transient, 503: providers.Transient, 504: providers.Transient,
	} {
		require.Equal(t, class, ClassOf(status), status)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "soon": 0, "Mon, 23 Nov 2026 12:00:09 GMT": 9 * time.Second,
		"Mon, 23 Nov 2026 11:00:00 GMT": 0,
	} {
		require.Equal(t, want, RetryAfter(http.Header{"Retry-After": {value}}, now), value)
	}
}

// sender answers whatever gets through.
type sender struct{ sent int }

func (s *sender) RoundTrip(*http.Request) (*http.Response, error) {
	s.sent++
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}

func post(ctx context.Context, client *http.Client) error {
	r, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://vendor.test", strings.NewReader("x"))
	res, err := client.Do(r)
	if err == nil {
		err = res.Body.Close()
	}
	return err
}

func TestLimit_waits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, refusals := &sender{}, 3
		client := Limit(&http.Client{Transport: s}, "vendor", func(context.Context) (time.Duration, error) {
			if refusals--; refusals >= 0 {
				return 4 * time.Second, nil
			}
			return 0, nil
		})
		begun := time.Now()
		require.NoError(t, post(t.Context(), client))
		require.Equal(t, 12*time.Second, time.Since(begun))
		require.Equal(t, 1, s.sent)
	})
}

func TestLimit_givesUp(t *testing.T) {
	t.Parallel()
	away := errors.New("away")
	for name, c := range map[string]struct {
		wait  time.Duration
		err   error
		after time.Duration
		took  time.Duration
	}{
		"too long":        {wait: time.Minute, after: time.Minute},
		"again and again": {wait: 8 * time.Second, after: 8 * time.Second, took: 16 * time.Second},
		"permit fails":    {err: away, after: unknownWait},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &sender{}
				client := Limit(&http.Client{Transport: s}, "vendor", func(context.Context) (time.Duration, error) { return c.wait, c.err })
				begun := time.Now()
				throttled, ok := errors.AsType[*providers.Error](post(t.Context(), client))
				require.True(t, ok)
				require.True(t, throttled.Throttled)
				require.Equal(t, c.after, throttled.RetryAfter)
				require.Equal(t, c.took, time.Since(begun))
				require.Zero(t, s.sent)
			})
		})
	}
}

func TestLimit_endsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := Limit(&http.Client{Transport: &sender{}}, "vendor", func(context.Context) (time.Duration, error) { return 9 * time.Second, nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, post(ctx, client), context.DeadlineExceeded)
	})
}

// Looking how far a job is costs the vendor nothing.
func TestLimit_letsReadersPass(t *testing.T) {
	t.Parallel()
	s := &sender{}
	client := Limit(&http.Client{Transport: s}, "vendor", func(context.Context) (time.Duration, error) { return time.Hour, nil })
	res, err := client.Get("http://vendor.test")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 1, s.sent)
}
