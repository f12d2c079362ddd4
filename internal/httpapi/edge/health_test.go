package edge

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

func TestHealthz_200(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) {
		c.Ready = map[string]func(context.Context) error{"postgres": func(context.Context) error { return errors.New("down") }}
	})
	rec := b.do(http.MethodGet, "/healthz", "")
	require.Equal(t, http.StatusOK, rec.Code)
	require.JSONEq(t, `{"status":"ok"}`, rec.Body.String())
	require.Equal(t, http.StatusOK, b.do(http.MethodHead, "/healthz", "").Code)
}

func TestReadyz_200(t *testing.T) {
	t.Parallel()
	together := make(chan struct{}) // each waits for the other, which only works side by side
	b := setup(t, func(c *Config) {
		c.ReadyTimeout = time.Minute
		c.Ready = map[string]func(context.Context) error{
			"postgres": func(context.Context) error { together <- struct{}{}; return nil },
			"redis":    func(context.Context) error { <-together; return nil },
		}
	})
	rec := b.do(http.MethodGet, "/readyz", "")
	require.Equal(t, http.StatusOK, rec.Code)
	require.JSONEq(t, `{"status":"ok","checks":{"postgres":"ok","redis":"ok"}}`, rec.Body.String())
}

func TestReadyz_503(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	b := setup(t, func(c *Config) {
		c.ReadyTimeout = time.Second
		c.Ready = map[string]func(context.Context) error{
			"postgres": func(context.Context) error { return errors.New("dial tcp 10.0.0.1: refused") },
			"redis":    func(context.Context) error { return nil },
			"storage":  func(context.Context) error { <-release; return nil }, // does not even look at its context
			"panics":   func(context.Context) error { panic("oops") },
		}
	})
	rec := b.do(http.MethodGet, "/readyz", "")
	p := requireProblem(t, rec, http.StatusServiceUnavailable, apperr.CodeUnavailable)
	require.Equal(t, map[string]string{"postgres": "failed", "redis": "ok", "storage": "failed", "panics": "failed"}, p.Error.Details.Checks)
	require.NotContains(t, rec.Body.String(), "dial")
	require.Equal(t, 1, strings.Count(b.log.String(), "dial tcp"))
	require.Equal(t, "1", rec.Header().Get("Retry-After"))
}

// Every stranger may ask: a flood of requests costs one look a second.
func TestReadyz_answersFromALookOfTheLastSecond(t *testing.T) {
	t.Parallel()
	var looks atomic.Int32
	release := make(chan struct{})
	withAge := func(age time.Duration) *fixture {
		return setup(t, func(c *Config) {
			c.ReadyMaxAge, c.ReadyTimeout = age, time.Minute
			c.Ready = map[string]func(context.Context) error{"postgres": func(context.Context) error {
				looks.Add(1)
				<-release
				return nil
			}}
		})
	}
	b := withAge(time.Minute)
	codes := make(chan int, 51)
	for range 50 {
		go func() { codes <- b.do(http.MethodGet, "/readyz", "").Code }()
	}
	require.Eventually(t, func() bool { return looks.Load() == 1 }, 10*time.Second, time.Millisecond)
	close(release)
	codes <- b.do(http.MethodGet, "/readyz", "").Code
	for range 51 {
		require.Equal(t, http.StatusOK, <-codes)
	}
	require.EqualValues(t, 1, looks.Load(), "all of them share it")

	b = withAge(time.Nanosecond)
	for range 2 {
		require.Equal(t, http.StatusOK, b.do(http.MethodGet, "/readyz", "").Code)
	}
	require.EqualValues(t, 3, looks.Load(), "an old one is no answer")
	require.Equal(t, time.Second, setup(t).cfg.ReadyMaxAge, "where the configuration does not say")
}

// An instance that is about to go is asked for nothing new, and serves what comes all the same.
func TestReadyz_503_leaving(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Empty(t, b.do(http.MethodGet, "/healthz", "").Header().Get("Connection"))
	b.FailReadiness()
	b.FailReadiness()
	rec := b.do(http.MethodGet, "/readyz", "")
	p := requireProblem(t, rec, http.StatusServiceUnavailable, apperr.CodeUnavailable)
	require.Equal(t, map[string]string{"server": "draining"}, p.Error.Details.Checks)
	rec = b.do(http.MethodGet, "/healthz", "")
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, "close", rec.Header().Get("Connection"))
}
