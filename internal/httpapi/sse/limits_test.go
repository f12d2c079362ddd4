package sse

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// tryOpen asks for a stream of an owner on a connection that can't be taken over, and returns what Open fails with.
func (f *fixture) tryOpen(owner string) error {
	slot := f.NewSlot()
	slot.Owner = owner
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), SlotKey{}, &slot))
	cancel() // ends what is opened
	w := httptest.NewRecorder()
	if err := Respond(ctx, 0, f.run).VisitStreamJobEventsResponse(w); err != nil {
		return err
	}
	_, _, err := slot.Open(context.Background(), w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody), nil)
	return err
}

// One owner can neither take all streams, nor all owners all descriptors; what was closed makes room.
func TestServer_limitsStreams(t *testing.T) {
	t.Parallel()
	f := setup(t, untilEnd, func(c *Config) { c.MaxOpen, c.MaxOfOwner = 3, 2 })
	t.Cleanup(func() { // a failed test must not leave the fixture waiting for streams that are counted and do not exist
		for owner, n := range maps.Clone(f.owned) {
			for range n {
				f.release(owner)
			}
		}
	})
	for _, owner := range []string{"ada", "ada", "eve"} {
		require.NoError(t, f.count(owner))
	}
	refused := f.tryOpen("ada")
	require.ErrorIs(t, refused, errMany)
	require.Equal(t, apperr.RateLimited, apperr.From(refused).Kind)
	require.Positive(t, apperr.From(refused).RetryAfter)
	refused = f.tryOpen("eve")
	require.ErrorIs(t, refused, errFull)
	require.Equal(t, apperr.Unavailable, apperr.From(refused).Kind)
	require.Positive(t, apperr.From(refused).RetryAfter)
	f.release("ada")
	require.ErrorIs(t, f.tryOpen("ada"), ErrClientGone, "it was opened, and its client was gone")
	require.ErrorIs(t, f.tryOpen("ada"), ErrClientGone, "it was given back")
	f.release("ada")
	f.release("eve")
	require.Empty(t, f.owned)
	require.Zero(t, f.total)
}
