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
)

func TestOpen_refusesABadURLWithoutQuotingIt(t *testing.T) {
	t.Parallel()
	_, err := events.Open(events.Config{RedisURL: "http://:hunter2@localhost"}, slog.New(slog.DiscardHandler))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "hunter2")
}

func TestHub_deliversToAllProcesses(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	worker, api1, api2 := publishOnly(t, cfg), open(t, cfg), open(t, cfg)
	subscribers := []*events.Subscription{subscribe(t, api1, "job:1"), subscribe(t, api1, "job:1"), subscribe(t, api2, "job:1")}
	other := subscribe(t, api2, "job:2")

	publish(t, worker, "job:1", "a\nb") // a line feed ends the topic, not the payload
	publish(t, worker, "job:3", "without a subscriber")
	publish(t, worker, "job:1", "")
	publish(t, worker, "job:2", "other")
	for _, subscriber := range subscribers {
		require.Equal(t, "a\nb", next(t, subscriber))
		require.Empty(t, next(t, subscriber))
	}
	require.Equal(t, "other", next(t, other))
	require.Error(t, worker.Publish(t.Context(), "two\nlines", nil))
}

func TestHub_keepsTheOrderOfATopic(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	api := open(t, cfg)
	var publishers, subscribers sync.WaitGroup
	for topic := range 8 {
		name := strconv.Itoa(topic)
		s := subscribe(t, api, name)
		received := make(chan struct{})
		subscribers.Go(func() {
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
	subscribers.Wait()
}

func TestHub_marksWhereASlowSubscriberLags(t *testing.T) {
	t.Parallel()
	api := open(t, shared(t))
	slow, quick := subscribe(t, api, "job:1"), subscribe(t, api, "job:1")
	for i := range 100 {
		publish(t, api, "job:1", strconv.Itoa(i))
		require.Equal(t, strconv.Itoa(i), next(t, quick), "not held up by the slow one")
	}
	for i := range 8 {
		require.Equal(t, strconv.Itoa(i), next(t, slow))
	}
	require.Equal(t, "lagged", next(t, slow), "instead of the other 92")
	require.Empty(t, slow.C())

	publish(t, api, "job:1", "last")
	require.Equal(t, "last", next(t, slow), "caught up")
	require.Equal(t, "last", next(t, quick))
}

func TestHub_closesSubscriptions(t *testing.T) {
	t.Parallel()
	h := publishOnly(t, shared(t))
	stop := run(t, h)
	require.Eventually(t, func() bool { return h.Healthy() == nil }, testTimeout, time.Millisecond)
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

func TestHub_marksARestartOfRedis(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	api, worker := open(t, at(redis.URL())), publishOnly(t, at(redis.URL()))
	s := subscribe(t, api, "job:1")
	publish(t, worker, "job:1", "before")
	require.Equal(t, "before", next(t, s))
	for range 3 {
		redis.Kill()
		require.Error(t, worker.Publish(t.Context(), "job:1", []byte("missed")))
		restart(t, redis)
		require.Equal(t, "lagged", next(t, s), "the subscriber learns that it may have missed something")
		publish(t, worker, "job:1", "after") // the broken connection is replaced without an error
		require.Equal(t, "after", next(t, s))
	}
}

// A subscriber that subscribed while Redis was away may have read the state before a change that it could not hear of.
func TestHub_marksTheFirstSubscription(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	redis.Kill()
	h := publishOnly(t, at(redis.URL()))
	run(t, h)
	s := subscribe(t, h, "job:1")
	require.Error(t, h.Healthy())
	restart(t, redis)
	require.Equal(t, "lagged", next(t, s))
}

func TestHub_publishEndsWhereRedisHangs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") // its connections are never accepted
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	h := publishOnly(t, events.Config{RedisURL: "redis://" + l.Addr().String(), PublishTimeout: 50 * time.Millisecond})

	begun := time.Now()
	var publishers sync.WaitGroup
	for range 50 {
		publishers.Go(func() {
			if h.Publish(context.Background(), "job:1", nil) == nil {
				t.Error("published without Redis")
			}
		})
	}
	publishers.Wait()
	require.Less(t, time.Since(begun), 2*time.Second, "shorter than the connection's own time-outs")
}

func TestHub_servesTenThousandSubscribers(t *testing.T) {
	t.Parallel()
	redis := ownRedis(t)
	api := open(t, at(redis.URL()))
	worker := publishOnly(t, at(redis.URL()))
	goroutines := runtime.NumGoroutine()
	subscribers := make([]*events.Subscription, 10_000)
	for i := range subscribers {
		subscribers[i] = subscribe(t, api, fmt.Sprintf("job:%d", i))
	}
	require.Less(t, runtime.NumGoroutine(), goroutines+1000, "no goroutine for each subscriber")

	var publishers sync.WaitGroup
	for part := range 10 {
		publishers.Go(func() {
			for i := part; i < len(subscribers); i += 10 {
				if err := worker.Publish(context.Background(), fmt.Sprintf("job:%d", i), []byte(strconv.Itoa(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	publishers.Wait()
	for i, s := range subscribers {
		require.Equal(t, strconv.Itoa(i), next(t, s))
	}
	redis.Kill()
	restart(t, redis)
	for _, s := range subscribers {
		require.Equal(t, "lagged", next(t, s))
	}
}
