package speccheck_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/kit/speccheck"
)

// recordingTB is a testing.TB that records errors instead of failing.
type recordingTB struct {
	testing.TB
	said []string
}

func (w *recordingTB) Helper()        {}
func (w *recordingTB) Cleanup(func()) {}
func (w *recordingTB) Errorf(format string, args ...any) {
	w.said = append(w.said, fmt.Sprintf(format, args...))
}

const (
	models   = `{"items":[],"next_cursor":null}`
	envelope = `{"error":{"code":"not_found","message":"There is nothing here."}}`
)

// TestWrap_findsEachKindOfViolation shows that an answer that the spec forbids is reported, and one that it allows is not.
func TestWrap_findsEachKindOfViolation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, contentType, body string
		status                  int
		header                  http.Header
		says                    string // "": nothing
	}{
		"right":                {path: "/v1/models", status: 200, body: models},
		"missing member":       {path: "/v1/models", status: 200, body: `{"items":[]}`, says: "next_cursor"},
		"extra member":         {path: "/v1/models", status: 200, body: `{"items":[],"next_cursor":null,"x":1}`, says: `property "x" is unsupported`},
		"wrong type":           {path: "/v1/models", status: 200, body: `{"items":{},"next_cursor":null}`, says: "array"},
		"wrong media type":     {path: "/v1/models", status: 200, contentType: "text/plain", body: models, says: "Content-Type"},
		"undeclared status":    {path: "/v1/models", status: 202, body: models, says: "status is not supported"},
		"undeclared error":     {path: "/v1/models", status: 404, body: envelope, says: "status is not supported"},
		"no envelope":          {path: "/v1/models", status: 500, body: `{"message":"oops"}`, says: "not an envelope"},
		"unknown code":         {path: "/nowhere", status: 404, body: `{"error":{"code":"gone","message":"x"}}`, says: "enum"},
		"plain text error":     {path: "/nowhere", status: 404, contentType: "text/plain", body: "404", says: "not an envelope"},
		"right error":          {path: "/nowhere", status: 404, body: envelope},
		"skipped":              {path: "/storage/x", status: 404, contentType: "text/plain", body: "404"},
		"no request id":        {path: "/v1/models", status: 200, body: models, header: http.Header{"X-Request-Id": {""}}, says: "no X-Request-Id"},
		"no required header":   {path: "/v1/me", status: 401, body: envelope, says: "WWW-Authenticate"},
		"event stream":         {path: "/v1/jobs/0199f3a4-11d0-7e2f-8a43-6b7c8d9e0f12/events", status: 200, contentType: "text/event-stream", body: ": x\n\n"},
		"not the event stream": {path: "/v1/jobs/0199f3a4-11d0-7e2f-8a43-6b7c8d9e0f12/events", status: 200, body: models, says: "Content-Type"},
		"nothing":              {path: "/v1/models", says: "nothing was written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &recordingTB{TB: t}
			h := speccheck.Wrap(w, "/v1", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if c.status == 0 {
					return
				}
				w.Header().Set("X-Request-Id", "r1")
				w.Header().Set("Content-Type", "application/json")
				if c.contentType != "" {
					w.Header().Set("Content-Type", c.contentType)
				}
				maps.Copy(w.Header(), c.header)
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			}), "/storage/")
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, c.path, http.NoBody))
			require.Equal(t, c.body, rec.Body.String(), "the answer is passed on")
			if c.says == "" {
				require.Empty(t, w.said)
				return
			}
			require.Len(t, w.said, 1)
			require.Contains(t, w.said[0], c.says)
		})
	}
}
