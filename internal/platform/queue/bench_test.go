package queue_test

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

// idlePool consumes all kinds with 200 slots, as a worker does, and sends the time at which each handler starts.
func idlePool(b *testing.B) (*queue.Queue, <-chan time.Time) {
	q := open(b, shared(b), silent())
	started := make(chan time.Time, 1024)
	consumer := queue.Consumer{Slots: 200, Deadline: time.Minute, Handle: func(context.Context, uuid.UUID) error {
		started <- time.Now()
		return nil
	}}
	consume(b, q, map[queue.Kind]queue.Consumer{queue.Generate: consumer, queue.Reply: consumer, queue.Mail: consumer})
	require.NoError(b, q.Push(b.Context(), queue.Generate, uuid.New()))
	<-started
	return q, started
}

// BenchmarkPickup measures from before a push until its handler starts, on an idle queue: during the pause the fetcher goes
// to sleep.
func BenchmarkPickup(b *testing.B) {
	q, started := idlePool(b)
	var took []time.Duration
	for b.Loop() {
		time.Sleep(20 * time.Millisecond)
		pushed := time.Now()
		require.NoError(b, q.Push(b.Context(), queue.Generate, uuid.New()))
		took = append(took, (<-started).Sub(pushed))
	}
	slices.Sort(took)
	b.Logf("a task on an idle queue of 200 slots for each of 3 kinds is picked up after: median %.2f ms, p99 %.2f ms",
		float64(took[len(took)/2].Microseconds())/1000, float64(took[len(took)*99/100].Microseconds())/1000)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
}

// BenchmarkThroughput measures no-op tasks through one kind, pushed in batches.
func BenchmarkThroughput(b *testing.B) {
	q, started := idlePool(b)
	ids := make([]uuid.UUID, 1000)
	for b.Loop() {
		require.NoError(b, q.PushAll(b.Context(), queue.Generate, ids))
		for range ids {
			<-started
		}
	}
	b.ReportMetric(float64(b.N*len(ids))/b.Elapsed().Seconds(), "tasks/s")
}

// BenchmarkIdle measures what waiting costs a worker process, in per cent of one core.
func BenchmarkIdle(b *testing.B) {
	idlePool(b)
	before := cpuTime(b)
	for b.Loop() {
		time.Sleep(time.Second)
	}
	share := 100 * (cpuTime(b) - before).Seconds() / b.Elapsed().Seconds()
	b.Logf("a worker that waits, with 200 slots for each of 3 kinds, takes %.2f %% of a core", share)
	b.ReportMetric(share, "%core")
}

func cpuTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
