package events_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/events"
)

func TestDecode_onceForAllReaders(t *testing.T) {
	t.Parallel()
	type number struct{ N int }
	api := open(t, shared(t))
	readers := []*events.Subscription{subscribe(t, api, "job:1"), subscribe(t, api, "job:1"), subscribe(t, api, "job:1")}
	publish(t, api, "job:1", `{"N":7}`)
	decoded := make([]*number, len(readers))
	received := make([]*events.Event, len(readers))
	var all sync.WaitGroup
	for i, reader := range readers {
		all.Go(func() {
			received[i] = <-reader.C()
			decoded[i], _ = events.Decode[number](received[i])
		})
	}
	all.Wait()
	for i := range readers {
		require.Equal(t, &number{7}, decoded[i])
		require.Same(t, decoded[0], decoded[i])
	}
	_, err := events.Decode[string](received[0])
	require.Error(t, err, "of another type")
	_, err = events.Decode[number](&events.Event{Payload: []byte("{")})
	require.Error(t, err)
}
