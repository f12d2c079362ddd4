package edge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

func TestRouting_404(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.Mount = map[string]http.Handler{"/storage/": http.NotFoundHandler()} })
	for _, path := range []string{
		"/", "/nowhere", "/api", base, base + "/", base + "/nowhere", base + "/models/", base + "//models", "//api/v1/models",
		base + "/jobs/" + aUUID + "/", base + "/jobs/" + aUUID + "/nowhere", base + "/jobs//events", base + "/jobs/",
		base + "/project//queue", base + "/models%2F", base + "/mod%65ls/x", "/healthz/", "/docs/", "/docs/x.js", base + "/%00", base + "/%ff",
		"/API/V1/models", base + "/models;x=1", base + "/..%2f..%2fetc%2fpasswd",
	} {
		rec := b.do(http.MethodGet, path, "")
		requireProblem(t, rec, http.StatusNotFound, apperr.CodeNotFound)
		require.NotEmpty(t, rec.Header().Get(headerRequestID), path)
	}
}

func TestRouting_405(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct{ method, path, allow string }{
		{http.MethodPost, base + "/models", "OPTIONS, GET"},
		{http.MethodHead, base + "/models", "OPTIONS, GET"},
		{http.MethodTrace, base + "/models", "OPTIONS, GET"},
		{"BREW", base + "/models", "OPTIONS, GET"},
		{http.MethodPut, base + "/project/" + aUUID, "OPTIONS, DELETE, GET, PATCH"},
		{http.MethodPost, "/healthz", "OPTIONS, GET, HEAD"},
		{http.MethodGet, base + "/auth/signin", "OPTIONS, POST"},
	} {
		rec := b.do(c.method, c.path, "")
		require.Equal(t, c.allow, rec.Header().Get("Allow"), c.path)
		if c.method == http.MethodHead {
			require.Equal(t, http.StatusMethodNotAllowed, rec.Code)
			require.Empty(t, rec.Body.String(), "an answer to HEAD has no body")
			continue
		}
		requireProblem(t, rec, http.StatusMethodNotAllowed, apperr.CodeMethodNotAllowed)
	}
	requireProblem(t, b.do(http.MethodConnect, "http://elsewhere.example:443", ""), http.StatusNotFound, apperr.CodeNotFound)
}

func TestRouting_204_options(t *testing.T) {
	t.Parallel()
	rec := setup(t).do(http.MethodOptions, base+"/models", "")
	require.Equal(t, http.StatusNoContent, rec.Code)
	require.Equal(t, "OPTIONS, GET", rec.Header().Get("Allow"))
}

// TestFail_answersEveryKind shows what becomes of the errors that handlers return.
func TestFail_answersEveryKind(t *testing.T) {
	t.Parallel()
	secret := errors.New("pq: password authentication failed for user mugshot")
	for name, c := range map[string]struct {
		err    error
		status int
		code   apperr.Code
		retry  string
	}{
		"unknown":              {secret, 500, apperr.CodeInternal, ""},
		"internal with a text": {apperr.New(apperr.Internal, apperr.CodeUnavailable, "table users is gone").With(secret), 500, apperr.CodeInternal, ""},
		"unknown kind":         {apperr.New(99, apperr.CodeNotFound, "odd").With(secret), 500, apperr.CodeInternal, ""},
		"wrapped":              {fmt.Errorf("load job: %w", apperr.ErrNotFound.With(secret)), 404, apperr.CodeNotFound, ""},
		"unavailable":          {apperr.ErrUnavailable.With(secret), 503, apperr.CodeUnavailable, "1"},
		"unavailable for long": {apperr.ErrUnavailable.WithRetryAfter(1200 * time.Millisecond), 503, apperr.CodeUnavailable, "2"},
		"deadline":             {fmt.Errorf("query: %w", context.DeadlineExceeded), 503, apperr.CodeUnavailable, "1"},
		"conflict":             {apperr.New(apperr.Conflict, apperr.CodeJobFinished, "It has ended."), 409, apperr.CodeJobFinished, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var reported []error
			b := setup(t, func(cfg *Config) {
				cfg.Report = func(_ context.Context, err error) { reported = append(reported, err) }
			})
			b.impl.cancelJob = func(context.Context, api.CancelJobRequestObject) (api.CancelJobResponseObject, error) {
				return nil, c.err
			}
			rec := b.do(http.MethodPost, base+"/jobs/"+aUUID+"/cancel", "")
			requireProblem(t, rec, c.status, c.code)
			require.Equal(t, c.retry, rec.Header().Get("Retry-After"))
			for _, text := range []string{"pq:", "users is gone", "odd"} {
				require.NotContains(t, rec.Body.String(), text)
			}
			line := b.lines(t)[0]
			require.Len(t, b.lines(t), 1, "logged once")
			require.EqualValues(t, c.status, line["status"])
			if c.status >= 500 {
				require.Equal(t, []error{c.err}, reported)
				require.Equal(t, "ERROR", line["level"])
				require.Equal(t, c.err.Error(), line["error"])
			} else {
				require.Empty(t, reported)
				require.Equal(t, "INFO", line["level"])
				require.NotContains(t, line, "error")
			}
		})
	}
}

func TestFail_429(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.impl.signIn = func(context.Context, api.SignInRequestObject) (api.SignInResponseObject, error) {
		return nil, apperr.New(apperr.RateLimited, apperr.CodeAccountLocked, "Wait.").WithRetryAfter(90*time.Second).WithDetail("tries", 5)
	}
	rec := b.do(http.MethodPost, base+"/auth/signin", `{"email":"ada@example.com","password":"x"}`)
	requireProblem(t, rec, http.StatusTooManyRequests, apperr.CodeAccountLocked)
	require.Equal(t, "90", rec.Header().Get("Retry-After"))
	require.Contains(t, rec.Body.String(), `"details":{"tries":5}`)
}

func TestFail_500_panic(t *testing.T) {
	t.Parallel()
	var reported error
	b := setup(t, func(cfg *Config) { cfg.Report = func(_ context.Context, err error) { reported = err } })
	b.impl.models = func(context.Context) (api.ListModelsResponseObject, error) {
		var none []api.Model
		return api.ListModels200JSONResponse{Items: none[1:]}, nil
	}
	rec := b.do(http.MethodGet, base+"/models", "")
	requireProblem(t, rec, http.StatusInternalServerError, apperr.CodeInternal)
	require.NotContains(t, rec.Body.String(), "out of range")
	require.ErrorContains(t, reported, "slice bounds out of range")
	line := b.lines(t)[0]
	require.Contains(t, line["stack"], "problem_test.go")
	require.Equal(t, "ERROR", line["level"])
}

// TestFail_cutsTheConnectionAfterAPanicHalfway shows that half an answer is not passed off as a whole one.
func TestFail_cutsTheConnectionAfterAPanicHalfway(t *testing.T) {
	t.Parallel()
	half := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(strings.Repeat("x", 10_000)))
		panic("halfway")
	})
	b := setup(t, func(cfg *Config) { cfg.Mount = map[string]http.Handler{"/storage/": half} })
	srv := httptest.NewServer(b.handler)
	t.Cleanup(srv.Close)
	res, err := srv.Client().Get(srv.URL + "/storage/x")
	require.NoError(t, err)
	defer res.Body.Close()
	_, err = res.Body.Read(make([]byte, 1))
	for err == nil {
		_, err = res.Body.Read(make([]byte, 4096))
	}
	require.ErrorContains(t, err, "unexpected EOF")
	require.Contains(t, b.log.String(), "panic: halfway")
}

// TestFail_499 shows that an answer that can't be given any more is no failure of the server, that it is in the log, and that
// its connection is cut: an empty answer would be a 200.
func TestFail_499(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"gone":    func() error { return fmt.Errorf("send: %w", errClientGone) },
		"aborted": func() error { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(cfg *Config) {
				cfg.Report = func(_ context.Context, err error) { t.Errorf("reported: %v", err) }
			})
			b.impl.models = func(context.Context) (api.ListModelsResponseObject, error) { return nil, fail() }
			rec := httptest.NewRecorder()
			require.PanicsWithValue(t, http.ErrAbortHandler, func() {
				b.handler.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, base+"/models", http.NoBody))
			})
			require.Empty(t, rec.Body.String())
			line := b.lines(t)[0]
			require.Equal(t, "INFO", line["level"])
			require.EqualValues(t, 499, line["status"])
		})
	}
}

func TestFail_leavesOutDetailsThatJSONCannotHold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.impl.cancelJob = func(context.Context, api.CancelJobRequestObject) (api.CancelJobResponseObject, error) {
		return nil, apperr.ErrNotFound.WithDetail("c", make(chan int))
	}
	requireProblem(t, b.do(http.MethodPost, base+"/jobs/"+aUUID+"/cancel", ""), http.StatusNotFound, apperr.CodeNotFound)
}
