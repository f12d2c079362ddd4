package events_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/test/devstack"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

// patience bounds waits for what must happen, on a machine however loaded.
const patience = 30 * time.Second

// shared configures a hub on the tests' common Redis, on a channel that no other test has.
func shared(t testing.TB) events.Config {
	t.Helper()
	return events.Config{RedisURL: redistest.URL(t), Namespace: "{" + redistest.Namespace(t) + "}", PublishTimeout: patience}
}

// at configures a hub on the Redis at url.
func at(url string) events.Config {
	return events.Config{RedisURL: url, PublishTimeout: 2 * time.Second}
}

// open returns a hub that hands out events, and closes it after the test.
func open(t testing.TB, cfg events.Config) *events.Hub {
	t.Helper()
	h := publishOnly(t, cfg)
	run(t, h)
	require.Eventually(t, func() bool { return h.Healthy() == nil }, patience, time.Millisecond)
	return h
}

func publishOnly(t testing.TB, cfg events.Config) *events.Hub {
	t.Helper()
	h, err := events.Open(cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

// own starts a Redis for the test alone, to be killed and restarted, which the embedded server can do too where there is
// no redis-server.
func own(t testing.TB) *devstack.Redis {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	server, err := devstack.StartRedis(ctx, devstack.RedisConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop()) })
	return server
}

// restart starts a Redis again that was killed.
func restart(t testing.TB, server *devstack.Redis) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
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

func subscribe(t testing.TB, h *events.Hub, topic string) *events.Subscription {
	s := h.Subscribe(topic)
	t.Cleanup(s.Close)
	return s
}

// next waits for an event and returns its payload, or "lagged", or "closed".
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
	case <-time.After(patience):
		require.FailNow(t, "nothing came")
		return ""
	}
}

func publish(t testing.TB, h *events.Hub, topic, payload string) {
	t.Helper()
	require.NoError(t, h.Publish(t.Context(), topic, []byte(payload)))
}

func TestOpen_badURL(t *testing.T) {
	t.Parallel()
	_, err := events.Open(events.Config{RedisURL: "http://:hunter2@localhost"}, slog.New(slog.DiscardHandler))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestHub_betweenProcesses(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	worker, api1, api2 := publishOnly(t, cfg), open(t, cfg), open(t, cfg)
	readers := []*events.Subscription{subscribe(t, api1, "job:1"), subscribe(t, api1, "job:1"), subscribe(t, api2, "job:1")}
	other := subscribe(t, api2, "job:2")

	publish(t, worker, "job:1", "a\nb") // a line feed ends the topic, not the payload
	publish(t, worker, "job:3", "nobody's")
	publish(t, worker, "job:1", "")
	publish(t, worker, "job:2", "other")
	for _, reader := range readers {
		require.Equal(t, "a\nb", next(t, reader))
		require.Empty(t, next(t, reader))
	}
	require.Equal(t, "other", next(t, other))
	require.Error(t, worker.Publish(t.Context(), "two\nlines", nil))
}

func TestHub_order(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	api := open(t, cfg)
	var publishers, readers sync.WaitGroup
	for topic := range 8 {
		name := strconv.Itoa(topic)
		s := subscribe(t, api, name)
		received := make(chan struct{})
		readers.Go(func() {
			for i := range 500 {
				e := <-s.C()
				if string(e.Payload) != strconv.Itoa(i) {
					t.Errorf("got %q (lagged: %t), want %d", e.Payload, e.Lagged, i)
				}
				received <- struct{}{}
			}
		})
		worker := publishOnly(t, cfg)
		publishers.Go(func() {
			for i := range 500 {
				if err := worker.Publish(context.Background(), name, []byte(strconv.Itoa(i))); err != nil {
					t.Error(err)
				}
				if i >= 4 { // a few in flight, fewer than would lag
					<-received
				}
			}
			for range 4 {
				<-received
			}
		})
	}
	publishers.Wait()
	readers.Wait()
}

func TestHub_slowReader(t *testing.T) {
	t.Parallel()
	api := open(t, shared(t))
	slow, quick := subscribe(t, api, "job:1"), subscribe(t, api, "job:1")
	for i := range 100 {
		publish(t, api, "job:1", strconv.Itoa(i))
		require.Equal(t, strconv.Itoa(i), next(t, quick), "whatever the slow one does")
	}
	for i := range 8 {
		require.Equal(t, strconv.Itoa(i), next(t, slow))
	}
	require.Equal(t, "lagged", next(t, slow), "in the place of the other 92")
	require.Empty(t, slow.C())

	publish(t, api, "job:1", "last")
	require.Equal(t, "last", next(t, slow), "in step again")
	require.Equal(t, "last", next(t, quick))
}

func TestHub_close(t *testing.T) {
	t.Parallel()
	h := publishOnly(t, shared(t))
	stop := run(t, h)
	require.Eventually(t, func() bool { return h.Healthy() == nil }, patience, time.Millisecond)
	a, b, c := h.Subscribe("job:1"), h.Subscribe("job:1"), h.Subscribe("job:1")
	a.Close()
	a.Close()
	require.Equal(t, "closed", next(t, a))
	publish(t, h, "job:1", "x")
	require.Equal(t, "x", next(t, b))
	require.Equal(t, "x", next(t, c))
	c.Close()
	publish(t, h, "job:1", "y")
	require.Equal(t, "y", next(t, b))

	stop()
	require.Error(t, h.Healthy())
	require.Equal(t, "closed", next(t, b))
	b.Close()
	require.Equal(t, "closed", next(t, h.Subscribe("job:1")), "too late")
}

func TestHub_redisRestarts(t *testing.T) {
	t.Parallel()
	redis := own(t)
	api, worker := open(t, at(redis.URL())), publishOnly(t, at(redis.URL()))
	s := subscribe(t, api, "job:1")
	publish(t, worker, "job:1", "before")
	require.Equal(t, "before", next(t, s))
	for range 3 {
		redis.Kill()
		require.Error(t, worker.Publish(t.Context(), "job:1", []byte("missed")))
		restart(t, redis)
		require.Equal(t, "lagged", next(t, s), "the reader learns that it may have missed something")
		publish(t, worker, "job:1", "after") // with no failure for the broken connection
		require.Equal(t, "after", next(t, s))
	}
}

// A reader that subscribed while Redis was away has read a state that may be old when the subscription stands.
func TestHub_redisComesLate(t *testing.T) {
	t.Parallel()
	redis := own(t)
	redis.Kill()
	h := publishOnly(t, at(redis.URL()))
	run(t, h)
	s := subscribe(t, h, "job:1")
	require.Error(t, h.Healthy())
	restart(t, redis)
	require.Equal(t, "lagged", next(t, s))
}

func TestPublish_redisHangs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // whose connections nobody accepts
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	h := publishOnly(t, events.Config{RedisURL: "redis://" + l.Addr().String(), PublishTimeout: 50 * time.Millisecond})

	begun := time.Now()
	var publishers sync.WaitGroup
	for range 50 {
		publishers.Go(func() {
			if h.Publish(context.Background(), "job:1", nil) == nil {
				t.Error("published to nobody")
			}
		})
	}
	publishers.Wait()
	require.Less(t, time.Since(begun), 2*time.Second, "below the time-outs that rule without a deadline")
}

func TestHub_tenThousandReaders(t *testing.T) {
	t.Parallel()
	redis := own(t)
	api := open(t, at(redis.URL()))
	worker := publishOnly(t, at(redis.URL()))
	goroutines := runtime.NumGoroutine()
	readers := make([]*events.Subscription, 10_000)
	for i := range readers {
		readers[i] = subscribe(t, api, fmt.Sprintf("job:%d", i))
	}
	require.Less(t, runtime.NumGoroutine(), goroutines+1000, "none a reader")

	var publishers sync.WaitGroup
	for part := range 10 {
		publishers.Go(func() {
			for i := part; i < len(readers); i += 10 {
				if err := worker.Publish(context.Background(), fmt.Sprintf("job:%d", i), []byte(strconv.Itoa(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	publishers.Wait()
	for i, s := range readers {
		require.Equal(t, strconv.Itoa(i), next(t, s))
	}
	redis.Kill()
	restart(t, redis)
	for _, s := range readers {
		require.Equal(t, "lagged", next(t, s))
	}
}
