package edge

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// fakeLimiter answers what it was told to and remembers the questions.
type fakeLimiter struct {
	quota Quota
	err   error
	asked []string
}

func (l *fakeLimiter) Allow(_ context.Context, class string, s Subject) (Quota, error) {
	l.asked = append(l.asked, class+" "+s.Address+" "+s.Account)
	return l.quota, l.err
}

func TestLimit_200_headers(t *testing.T) {
	t.Parallel()
	limiter := &fakeLimiter{quota: Quota{Allowed: true, Limit: 10, Remaining: 9, Reset: 5200 * time.Millisecond}}
	b := setup(t, func(c *Config) { c.Limiter = limiter })
	rec := b.do(http.MethodPost, base+"/auth/start", `{"email":"ada@example.com"}`)
	require.Equal(t, http.StatusOK, rec.Code)
	require.Equal(t, "10", rec.Header().Get("RateLimit-Limit"))
	require.Equal(t, "9", rec.Header().Get("RateLimit-Remaining"))
	require.Equal(t, "6", rec.Header().Get("RateLimit-Reset"))
	require.Empty(t, rec.Header().Get("Retry-After"))

	require.Equal(t, http.StatusCreated, b.do(http.MethodPost, base+"/project/"+aUUID+"/queue", `{"quality":"std","variants":1}`).Code)
	b.do(http.MethodPost, base+"/auth/refresh", "")
	b.do(http.MethodGet, base+"/models", "")
	b.do(http.MethodGet, base+"/project", "")
	require.Equal(t, []string{
		"auth_probe 192.0.2.1 ada@example.com",
		"queue 192.0.2.1 " + theUser.String(),
		"auth_refresh 192.0.2.1 ",
		"public 192.0.2.1 ",
		"default 192.0.2.1 " + theUser.String(),
	}, limiter.asked)
}

func TestLimit_429(t *testing.T) {
	t.Parallel()
	limiter := &fakeLimiter{quota: Quota{Limit: 10, Remaining: -1, Reset: time.Minute, RetryAfter: 100 * time.Millisecond}}
	b := setup(t, func(c *Config) { c.Limiter = limiter })
	rec := b.do(http.MethodPost, base+"/auth/signin", `{"email":"ada@example.com","password":"x"}`)
	requireProblem(t, rec, http.StatusTooManyRequests, apperr.CodeRateLimited)
	require.Equal(t, "1", rec.Header().Get("Retry-After"), "whole seconds, and at least one")
	require.Equal(t, "0", rec.Header().Get("RateLimit-Remaining"))
	require.Equal(t, "60", rec.Header().Get("RateLimit-Reset"))
}

// TestLimit_503 shows that no client gets free guesses while requests can't be counted.
func TestLimit_503(t *testing.T) {
	t.Parallel()
	limiter := &fakeLimiter{err: errors.New("redis: connection refused")}
	b := setup(t, func(c *Config) { c.Limiter = limiter })
	for _, path := range []string{"/auth/signin", "/project/" + aUUID + "/queue"} {
		body := `{"email":"ada@example.com","password":"x"}`
		if path != "/auth/signin" {
			body = `{"quality":"std","variants":1}`
		}
		rec := b.do(http.MethodPost, base+path, body)
		requireProblem(t, rec, http.StatusServiceUnavailable, apperr.CodeUnavailable)
		require.Equal(t, "2", rec.Header().Get("Retry-After"))
		require.NotContains(t, rec.Body.String(), "redis")
	}
	limiter.err = apperr.ErrUnavailable.WithRetryAfter(5 * time.Second)
	rec := b.do(http.MethodPost, base+"/auth/signin", `{"email":"ada@example.com","password":"x"}`)
	require.Equal(t, "5", rec.Header().Get("Retry-After"), "the limiter knows best")
}

// TestLimit_countsValidRequestsAlone shows that broken requests cost nothing, so that no user is locked out by a bug in a form.
func TestLimit_countsValidRequestsAlone(t *testing.T) {
	t.Parallel()
	limiter := &fakeLimiter{}
	b := setup(t, func(c *Config) { c.Limiter = limiter })
	requireProblem(t, b.do(http.MethodPost, base+"/auth/signin", `{}`), http.StatusBadRequest, apperr.CodeValidationFailed)
	require.Empty(t, limiter.asked)
}
