package events_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/test/devstack"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// testTimeout bounds waits for what must happen. It is long, for a heavily loaded machine.
const testTimeout = 30 * time.Second

// shared configures a hub on the Redis that all tests share, on channels that no other test uses.
func shared(t testing.TB) events.Config {
	t.Helper()
	return events.Config{RedisURL: redistest.URL(t), Namespace: "{" + redistest.Namespace(t) + "}", PublishTimeout: testTimeout}
}

// at configures a hub on the Redis at url.
func at(url string) events.Config {
	return events.Config{RedisURL: url, PublishTimeout: 2 * time.Second}
}

// open returns a hub that runs and is subscribed, and closes it after the test.
func open(t testing.TB, cfg events.Config) *events.Hub {
	t.Helper()
	h := publishOnly(t, cfg)
	run(t, h)
	require.Eventually(t, func() bool { return h.Healthy() == nil }, testTimeout, time.Millisecond)
	return h
}

// publishOnly returns a hub that does not run, and closes it after the test.
func publishOnly(t testing.TB, cfg events.Config) *events.Hub {
	t.Helper()
	h, err := events.Open(cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

// ownRedis starts a Redis for the test alone, to be killed and restarted. Where there is no redis-server it is the embedded
// one, which can be restarted too.
func ownRedis(t testing.TB) *devstack.Redis {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	server, err := devstack.StartRedis(ctx, devstack.RedisConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

// restart starts a killed Redis again.
func restart(t testing.TB, server *devstack.Redis) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	require.NoError(t, server.Restart(ctx))
}

// run runs the hub until the test ends or stop is called.
func run(t testing.TB, h *events.Hub) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	stop = func() {
		cancel()
		running.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// subscribe subscribes to a topic until the test ends.
func subscribe(t testing.TB, h *events.Hub, topic string) *events.Subscription {
	s := h.Subscribe(topic)
	t.Cleanup(s.Close)
	return s
}

// next waits for an event and returns its payload, "lagged" for a lag mark, or "closed" at the end of the subscription.
func next(t testing.TB, s *events.Subscription) string {
	t.Helper()
	select {
	case e, ok := <-s.C():
		switch {
		case !ok:
			return "closed"
		case e.Lagged:
			return "lagged"
		}
		return string(e.Payload)
	case <-time.After(testTimeout):
		require.FailNow(t, "no event came")
		return ""
	}
}

// publish publishes payload, which must succeed.
func publish(t testing.TB, h *events.Hub, topic, payload string) {
	t.Helper()
	require.NoError(t, h.Publish(t.Context(), topic, []byte(payload)))
}

// exampleRedis is the address of the Redis that all tests share, for examples, which have no testing.T.
func exampleRedis() string { return redistest.URL(exampleTB{}) }

// exampleTB lets an example call the test kit. The kit's failures panic.
type exampleTB struct{ testing.TB }

// Helper implements testing.TB.
func (exampleTB) Helper() {}

// Fatalf implements testing.TB.
func (exampleTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
