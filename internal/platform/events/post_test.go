package events_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// Events arrive in their order, whether they are posted or published.
func TestPost_keepsTheOrder(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	api, other := open(t, cfg), publishOnly(t, cfg)
	s := subscribe(t, api, "chat:1")
	for i := range 500 {
		payload := strconv.Itoa(i)
		if i%3 == 0 {
			publish(t, other, "chat:1", payload)
		} else {
			other.Post(t.Context(), "chat:1", []byte(payload))
		}
		if i >= 4 { // a few in flight, fewer than would lag
			require.Equal(t, strconv.Itoa(i-4), next(t, s))
		}
	}
}

// A process that drains loses nothing of what it has posted.
func TestHub_closeSendsWhatWasPosted(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	api := open(t, cfg)
	s := subscribe(t, api, "chat:1")
	other, err := events.Open(cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 5 {
		other.Post(ctx, "chat:1", []byte(strconv.Itoa(i)))
	}
	cancel() // the request that posted is over
	require.NoError(t, other.Close())
	for i := range 5 {
		require.Equal(t, strconv.Itoa(i), next(t, s))
	}
}

// Events that could not be posted are in the log, which does not delay those who post.
func TestPost_logsItsFailure(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // its connections are never accepted
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	var log buffer
	h, err := events.Open(events.Config{RedisURL: "redis://" + l.Addr().String(), PublishTimeout: 300 * time.Millisecond},
		slog.New(slog.NewTextHandler(&log, nil)))
	require.NoError(t, err)
	begun := time.Now()
	h.Post(t.Context(), "chat:1", nil)
	h.Post(t.Context(), "two\nlines", nil)
	require.Less(t, time.Since(begun), 150*time.Millisecond)
	require.NoError(t, h.Close())
	require.Contains(t, log.String(), "chat:1")
	require.Contains(t, log.String(), "line feed")
}

type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
