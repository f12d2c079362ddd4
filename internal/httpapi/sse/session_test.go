package sse

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// setupAlive is setup with streams of one owner whose session is alive for as long as the test says.
func setupAlive(t *testing.T, heartbeat time.Duration) (f *fixture, alive *atomic.Bool, srv *httptest.Server) {
	t.Helper()
	f, alive = setup(t, untilEnd, func(c *Config) { c.Heartbeat = heartbeat }), new(atomic.Bool)
	alive.Store(true)
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		slot := f.NewSlot()
		slot.Owner, slot.Alive = "ada", func(context.Context) bool { return alive.Load() }
		ctx := context.WithValue(r.Context(), SlotKey{}, &slot)
		if err := Respond(ctx, 0, f.run).VisitStreamJobEventsResponse(w); err != nil {
			t.Errorf("respond: %v", err)
			return
		}
		detached, sent, err := slot.Open(context.Background(), w, r, func(err error, sent int64) {
			f.results <- result{err: err, sent: sent, detached: true}
		})
		if !detached {
			f.results <- result{err: err, sent: sent}
		}
	}))
	t.Cleanup(srv.Close)
	return f, alive, srv
}

// A stream ends at the next heartbeat after its session, whether or not its server was told, and as properly as one that has
// said everything.
func TestServer_endsStreamsOfDeadSessionsAtTheirHeartbeat(t *testing.T) {
	t.Parallel()
	f, alive, srv := setupAlive(t, 5*time.Millisecond)
	_, body := open(t, srv)
	read(t, body, preamble+": ping\n\n: ping\n\n")
	alive.Store(false)
	_, err := io.ReadAll(body)
	require.NoError(t, err)
	require.NoError(t, (<-f.results).err)
}

func TestServer_rechecksTheStreamsOfAnOwnerAtOnce(t *testing.T) {
	t.Parallel()
	for _, owner := range []string{"ada", ""} {
		f, alive, srv := setupAlive(t, time.Hour)
		_, body := open(t, srv)
		read(t, body, preamble)
		require.Eventually(t, func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.writers) == 1 }, 10*time.Second, time.Millisecond)
		f.Recheck("ada")
		alive.Store(false)
		f.Recheck("eve")
		require.Empty(t, f.results)
		f.Recheck(owner)
		_, err := io.ReadAll(body)
		require.NoError(t, err)
		require.NoError(t, (<-f.results).err)
	}
}
