package events_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// A process hears the channels that it runs with, and no other.
func TestHub_hearsItsChannelsOnly(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	worker, api := publishOnly(t, cfg), publishOnly(t, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { worker.Run(ctx, events.ControlChannel) })
	running.Go(func() { api.Run(ctx, events.StateChannel) })
	t.Cleanup(func() { cancel(); running.Wait() })
	for _, h := range []*events.Hub{worker, api} {
		require.Eventually(t, func() bool { return h.Healthy() == nil }, testTimeout, time.Millisecond)
	}
	control := events.ControlTopic("job:1")
	states, controls := subscribe(t, worker, "job:1"), subscribe(t, worker, control)
	stream := subscribe(t, api, "job:1")
	publish(t, api, "job:1", "state")
	publish(t, api, control, "stop")
	require.Equal(t, "state", next(t, stream))
	require.Equal(t, "stop", next(t, controls))
	require.Empty(t, states.C())
}
