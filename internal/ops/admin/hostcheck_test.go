package admin_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ask sends a request for a host to the address of a server.
func ask(t *testing.T, server *httptest.Server, method, path, host string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, http.NoBody)
	require.NoError(t, err)
	r.Host = host
	answer, err := server.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

// A page whose name was made to point to the own machine reads nothing.
func TestHostCheck_403_otherNames(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(busy().handler())
	defer server.Close()
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, own := range []string{"localhost", "LOCALHOST" + port, "127.0.0.1", "127.0.0.1" + port, "[::1]" + port, "[::1]"} {
		require.Equal(t, http.StatusOK, ask(t, server, http.MethodGet, "/jobs", own).StatusCode, own)
	}
	for _, path := range []string{"/jobs", "/metrics", "/readyz", "/queues/", "/queues/dead_jobs"} {
		for _, other := range []string{"evil.example", "evil.example" + port, "localhost.evil.example" + port, "127.0.0.1.evil.example", "10.0.0.1"} {
			answer := ask(t, server, http.MethodGet, path, other)
			require.Equal(t, http.StatusForbidden, answer.StatusCode, other+path)
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.NotContains(t, string(text), "generate")
		}
	}
}

// Nothing can be changed, so no form and no script of another page can change anything.
func TestHostCheck_405_otherMethods(t *testing.T) {
	t.Parallel()
	f := new(fixture)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "BREW"} {
		for _, path := range []string{"/jobs", "/metrics", "/readyz", "/", "/queues/delete_all_dead_jobs", "/other"} {
			answer := f.get(t, method, path)
			require.Equal(t, http.StatusMethodNotAllowed, answer.Code, method+path)
			require.Empty(t, answer.Header().Get("Access-Control-Allow-Origin"))
		}
	}
	require.Equal(t, "DENY", f.get(t, http.MethodGet, "/jobs").Header().Get("X-Frame-Options"))
}
