package events_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

func TestDecode_onceForAllSubscribers(t *testing.T) {
	t.Parallel()
	type number struct{ N int }
	api := open(t, shared(t))
	subscribers := []*events.Subscription{subscribe(t, api, "job:1"), subscribe(t, api, "job:1"), subscribe(t, api, "job:1")}
	publish(t, api, "job:1", `{"N":7}`)
	decoded := make([]*number, len(subscribers))
	received := make([]*events.Event, len(subscribers))
	var all sync.WaitGroup
	for i, subscriber := range subscribers {
		all.Go(func() {
			received[i] = <-subscriber.C()
			decoded[i], _ = events.Decode[number](received[i])
		})
	}
	all.Wait()
	for i := range subscribers {
		require.Equal(t, &number{7}, decoded[i])
		require.Same(t, decoded[0], decoded[i])
	}
	_, err := events.Decode[string](received[0])
	require.Error(t, err, "of another type")
	_, err = events.Decode[number](&events.Event{Payload: []byte("{")})
	require.Error(t, err)
}
