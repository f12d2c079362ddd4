package events_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// A process hears what it has readers of, and nothing else.
func TestHub_channels(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	worker, api := publishOnly(t, cfg), publishOnly(t, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { worker.Run(ctx, events.ControlChannel) })
	running.Go(func() { api.Run(ctx, events.StateChannel) })
	t.Cleanup(func() { cancel(); running.Wait() })
	for _, h := range []*events.Hub{worker, api} {
		require.Eventually(t, func() bool { return h.Healthy() == nil }, patience, time.Millisecond)
	}
	order := events.ControlTopic("job:1")
	deaf, heeding := subscribe(t, worker, "job:1"), subscribe(t, worker, order)
	showing := subscribe(t, api, "job:1")
	publish(t, api, "job:1", "state")
	publish(t, api, order, "stop")
	require.Equal(t, "state", next(t, showing))
	require.Equal(t, "stop", next(t, heeding))
	require.Empty(t, deaf.C())
}
