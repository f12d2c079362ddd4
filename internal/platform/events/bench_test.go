package events_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

// BenchmarkPublish measures publishers side by side, as the slots of a worker are, with payloads of a job's size.
func BenchmarkPublish(b *testing.B) {
	for _, publishers := range []int{1, 10, 200} {
		b.Run(fmt.Sprint(publishers), func(b *testing.B) {
			h := publishOnly(b, shared(b))
			payload := make([]byte, 1500)
			b.SetParallelism((publishers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := h.Publish(context.Background(), "job:1", payload); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkDelivery measures from before a publish until a subscriber has the event, with 10,000 subscribers of other
// topics.
func BenchmarkDelivery(b *testing.B) {
	h := open(b, shared(b))
	for i := range 10_000 {
		defer h.Subscribe(fmt.Sprintf("job:%d", i)).Close()
	}
	s := subscribe(b, h, "mine")
	for b.Loop() {
		require.NoError(b, h.Publish(b.Context(), "mine", []byte("{}")))
		<-s.C()
	}
}

// BenchmarkSubscribe measures what a subscriber costs; B/op is what it keeps while it is subscribed, its topic included.
func BenchmarkSubscribe(b *testing.B) {
	h := publishOnly(b, shared(b))
	subscriptions := make([]*events.Subscription, 0, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		subscriptions = append(subscriptions, h.Subscribe(fmt.Sprintf("job:%d", len(subscriptions))))
	}
	b.StopTimer()
	for _, s := range subscriptions {
		s.Close()
	}
}
