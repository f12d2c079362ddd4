package queue_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

// request sends one request and returns the answer.
func request(t *testing.T, method, address string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	require.NoError(t, err)
	answer, err := new(http.Transport).RoundTrip(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

// The page is the library's. What is tested is that it works under another path, and for reading only.
func TestWebUI_readsOnlyUnderItsPath(t *testing.T) {
	t.Parallel()
	q := open(t, shared(t), silent())
	_, err := q.Sweep(t.Context()) // which names the kinds
	require.NoError(t, err)
	require.NoError(t, q.PushAll(t.Context(), queue.Mail, newIDs(3)))
	ui := q.WebUI("/queues/")
	defer ui.Close()
	mux := http.NewServeMux()
	mux.Handle("/queues/", ui)
	server := httptest.NewServer(mux)
	defer server.Close()
	get := func(path string) string {
		status, body := request(t, http.MethodGet, server.URL+path)
		require.Equal(t, http.StatusOK, status, body)
		return body
	}

	require.Contains(t, get("/queues/"), `src="work.js"`)
	script := get("/queues/work.js")
	for _, address := range []string{"queues", "worker_pools", "busy_workers", "retry_jobs", "scheduled_jobs", "dead_jobs"} {
		require.Contains(t, script, `:"`+address+`"`)
		require.NotContains(t, script, `rl:"/`+address+`"`)
		get("/queues/" + address)
	}
	type list struct {
		Name  string `json:"job_name"`
		Count int    `json:"count"`
	}
	var lists []list
	require.NoError(t, json.Unmarshal([]byte(get("/queues/queues")), &lists))
	require.Contains(t, lists, list{"mail", 3})

	status, _ := request(t, http.MethodPost, server.URL+"/queues/delete_all_dead_jobs")
	require.Equal(t, http.StatusMethodNotAllowed, status)
	ui.Close()
	status, _ = request(t, http.MethodGet, server.URL+"/queues/")
	require.Equal(t, http.StatusServiceUnavailable, status)
}

func TestWebUI_closesUnstarted(t *testing.T) {
	t.Parallel()
	open(t, shared(t), silent()).WebUI("/queues/").Close()
}
