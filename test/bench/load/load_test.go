package load_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/bench/load"
)

func serve(t *testing.T, handler http.HandlerFunc) (addr string) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func bracket() (load.Bracket, *[]string) {
	var calls []string
	return load.Bracket{Begin: func() { calls = append(calls, "begin") }, End: func() { calls = append(calls, "end") }}, &calls
}

// Each user's next request carries what the last answer gave, and no connection is opened twice.
func TestClosed_keepsConnectionsAndCursors(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	connections, cursors := map[string]bool{}, map[string]int{}
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		connections[r.RemoteAddr] = true
		cursors[r.URL.Query().Get("cursor")]++
		_, _ = io.WriteString(w, `{"next": "after-`+r.Header.Get("Authorization")+`"}`)
	})
	users := []load.Vars{{"token": "a"}, {"token": "b"}, {"token": "c"}}
	b, calls := bracket()
	tally, err := load.Closed{
		Addr: addr, Users: users, Conns: 2, WarmUp: 20 * time.Millisecond, For: 100 * time.Millisecond,
		Request: load.Request{
			Method: "GET", Path: "/x${cursor|?cursor=}", Headers: []string{"Authorization: ${token}"}, Expect: 200,
			Capture: map[string]string{"cursor": "next"},
		},
	}.Run(t.Context(), b)
	require.NoError(t, err)
	require.Equal(t, []string{"begin", "end"}, *calls)
	require.Zero(t, tally.Failed)
	require.NotEmpty(t, tally.Took)
	require.Len(t, tally.Took, tally.Work)
	require.GreaterOrEqual(t, tally.Wall, 100*time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, connections, 2)
	require.Equal(t, 3, cursors[""], "once for each user")
	require.Subset(t, []string{"", "after-a", "after-b", "after-c"}, keys(cursors))
}

func keys(of map[string]int) (all []string) {
	for key := range of {
		all = append(all, key)
	}
	return all
}

func TestClosed_countsFailures(t *testing.T) {
	t.Parallel()
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusTeapot) })
	b, _ := bracket()
	tally, err := load.Closed{
		Addr: addr, Users: []load.Vars{{}}, Conns: 1, For: 50 * time.Millisecond, Request: load.Request{Method: "GET", Path: "/", Expect: 200},
	}.Run(t.Context(), b)
	require.NoError(t, err)
	require.Empty(t, tally.Took)
	require.Positive(t, tally.Failed)
	require.ErrorContains(t, tally.Failures[0], "status 418, not 200: no")
}

func TestRun_refusesToLeaveTheMachine(t *testing.T) {
	t.Parallel()
	b, _ := bracket()
	_, err := load.Closed{Addr: "192.0.2.1:80"}.Run(t.Context(), b)
	require.ErrorContains(t, err, "not a loopback address")
	_, err = load.Jobs{Addr: "example.com:80"}.Run(t.Context(), b)
	require.ErrorContains(t, err, "not a loopback address")
	_, err = load.Streams{Addr: "192.0.2.1:80"}.Run(t.Context(), b)
	require.ErrorContains(t, err, "not a loopback address")
}

// Two chats with two streams each: every message reaches both readers of its chat, and no others.
func TestStreams_measureEachEvent(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	followers := map[string][]chan string{}
	var open atomic.Int64
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			for _, follower := range followers[r.URL.Path] {
				follower <- string(body)
			}
			return
		}
		events := make(chan string, 8)
		mu.Lock()
		followers[r.URL.Path] = append(followers[r.URL.Path], events)
		mu.Unlock()
		open.Add(1)
		_, _ = io.WriteString(w, ": hello\n\n")
		flusher := http.NewResponseController(w)
		_ = flusher.Flush()
		for {
			select {
			case event := <-events:
				_, _ = fmt.Fprintf(w, "data: %s\n\n", strings.TrimSpace(event))
				_ = flusher.Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	b, _ := bracket()
	tally, err := load.Streams{
		Addr: addr, Users: []load.Vars{{"chat": "1"}, {"chat": "2"}}, Count: 4, Events: 6,
		Request: load.Request{Method: "GET", Path: "/${chat}", Expect: 200},
		Trigger: load.Request{Method: "POST", Path: "/${chat}", Expect: 200, Body: "text nonce-${nonce}."},
		Weigh:   func() float64 { return 4000 * float64(open.Load()) },
	}.Run(t.Context(), b)
	require.NoError(t, err)
	require.Zero(t, tally.Failed, tally.Failures)
	require.Len(t, tally.Took, 12)
	require.Equal(t, 6, tally.Work)
	require.InDelta(t, 4, tally.More["kb_per_stream"], 1e-9)
	require.Positive(t, tally.More["last_p99_ms"])
}
