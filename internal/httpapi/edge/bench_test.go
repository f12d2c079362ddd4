package edge

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// BenchmarkEdge measures what stands in front of a handler, and the answer behind it, without a network.
func BenchmarkEdge(b *testing.B) {
	i := newImpl()
	i.signIn = func(context.Context, api.SignInRequestObject) (api.SignInResponseObject, error) {
		return nil, apperr.ErrUnavailable
	}
	edge, err := New(Config{
		BasePath: base, Log: slog.New(slog.NewJSONHandler(discard{}, nil)), Authenticate: authenticate,
		NewID: func() uuid.UUID { return uuid.Must(uuid.NewV7()) },
	}, i)
	require.NoError(b, err)
	for _, c := range []struct {
		name, method, path, body string
		status                   int
	}{
		{"GET_public", http.MethodGet, "/models", "", 200},
		{"GET_query", http.MethodGet, "/project?limit=20&status=done", "", 200},
		{"DELETE_path", http.MethodDelete, "/project/" + aUUID, "", 204},
		{"POST_1_field", http.MethodPost, "/auth/start", `{"email":"ada@example.com"}`, 200},
		{
			"POST_project", http.MethodPost, "/project",
			`{"mode":"design","platform":"youtube","width":1280,"height":720,"seed":7,` +
				`"prompt":{"headline":"I built a robot","subtext":"in 24 hours","vibe":"neon"}}`, 201,
		},
		{"POST_invalid", http.MethodPost, "/project", `{"mode":"x","width":1,"prompt":{},"y":1}`, 400},
		{"unmatched", http.MethodGet, "/nowhere", "", 404},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			w := &nullWriter{header: http.Header{}}
			body := strings.NewReader(c.body)
			r := httptest.NewRequest(c.method, base+c.path, http.NoBody)
			r.Header.Set("Authorization", "Bearer "+goodToken)
			r.Header.Set("Content-Type", "application/json")
			query := r.URL.RawQuery
			for b.Loop() {
				if c.body != "" {
					body.Reset(c.body)
					r.Body, r.ContentLength = io.NopCloser(body), int64(len(c.body))
				}
				r.URL.RawQuery = query
				clear(w.header)
				edge.ServeHTTP(w, r)
			}
			require.Equal(b, c.status, w.status)
		})
	}
}

// BenchmarkDecodeJSON measures the strict decoder against what it costs to be strict.
func BenchmarkDecodeJSON(b *testing.B) {
	data := bytes.Repeat([]byte(`{"a":"b","c":[1,2,{"d":null}]},`), 100)
	data = append(append([]byte("["), data...), "0]"...)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := decodeJSON(data); err != nil {
			b.Fatal(err)
		}
	}
}

type nullWriter struct {
	header http.Header
	status int
}

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *nullWriter) WriteHeader(status int)      { w.status = status }
func (w *nullWriter) Flush()                      {}

// discard is a log that is written and thrown away; slog does no work at all for io.Discard.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
