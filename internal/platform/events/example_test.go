package events_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// A subscriber subscribes, reads the state, and then forwards the events.
func ExampleHub() {
	hub, err := events.Open(events.Config{RedisURL: exampleRedis(), Namespace: "example"}, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	sub := hub.Subscribe("job:7")
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { hub.Run(ctx, events.StateChannel) })

	mark := <-sub.C() // the hub has subscribed in Redis just now: a state read before may be old
	fmt.Println("lagged:", mark.Lagged, "- read the job from Postgres")

	if err := hub.Publish(ctx, "job:7", []byte(`{"status":"running"}`)); err != nil {
		panic(err)
	}
	type job struct{ Status string }
	view, err := events.Decode[job](<-sub.C())
	fmt.Println("job is", view.Status, err)

	stop() // the process drains: its subscriptions are closed
	running.Wait()
	_, open := <-sub.C()
	fmt.Println("open:", open)
	fmt.Println("closed:", hub.Close())
	// Output:
	// lagged: true - read the job from Postgres
	// job is running <nil>
	// open: false
	// closed: <nil>
}

// progress follows a job until it is done.
type progress struct{ read func() string }

// Snapshot implements events.Handler.
func (p progress) Snapshot(context.Context) error {
	fmt.Println("state:", p.read())
	return nil
}

// Handle implements events.Handler.
func (p progress) Handle(ctx context.Context, e *events.Event) error {
	if e.Lagged {
		return p.Snapshot(ctx)
	}
	fmt.Println("event:", string(e.Payload))
	if string(e.Payload) == "done" {
		return events.ErrDone
	}
	return nil
}

// IdleTimeout implements events.Handler.
func (progress) IdleTimeout() time.Duration { return time.Minute }

// A handler follows a topic without a goroutine of its own while nothing happens.
func ExampleFollow() {
	ctx := context.Background()
	hub, err := events.Open(events.Config{RedisURL: exampleRedis(), Namespace: "example"}, slog.New(slog.DiscardHandler))
	if err != nil {
		panic(err)
	}
	runCtx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { hub.Run(runCtx) })
	for hub.Healthy() != nil {
		time.Sleep(time.Millisecond)
	}

	handler := progress{read: func() string { return "queued" }}
	ended := make(chan error)
	events.Follow(ctx, hub.Subscribe("job:8"), handler, func(err error) { ended <- err })
	for _, status := range []string{"running", "done"} {
		if err := hub.Publish(ctx, "job:8", []byte(status)); err != nil {
			panic(err)
		}
	}
	fmt.Println("ended:", <-ended)

	stop()
	running.Wait()
	fmt.Println("closed:", hub.Close())
	// Output:
	// state: queued
	// event: running
	// event: done
	// ended: <nil>
	// closed: <nil>
}
