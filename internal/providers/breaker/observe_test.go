package breaker

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
)

func TestObserve_tellsWhatCameOfEachCall(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fails error
		asked bool
	}{
		succeeded: {nil, true}, "transient": {failure(providers.Transient), true}, "permanent": {failure(providers.Permanent), true},
		"blocked": {failure(providers.Blocked), true}, aborted: {context.Canceled, true},
		throttled: {&providers.Error{Class: providers.Transient, Reason: "held_by_rate_limit", Throttled: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var calls []Call
				g := New(Config{Failures: 1, OpenFor: time.Minute, Observe: func(c Call) { calls = append(calls, c) }},
					&sharedState{until: map[string]time.Time{}}, slog.New(slog.DiscardHandler), "m")
				image := g.Image("m", "v", slow{fails: c.fails})
				_, err := image.Generate(t.Context(), providers.ImageRequest{}, nil)
				require.Equal(t, c.fails, err)
				require.Equal(t, []Call{{Provider: "v", Model: "m", Outcome: name, Asked: c.asked, Took: time.Second}}, calls)
			})
		})
	}
}

func TestObserve_aModelWithAnOpenBreakerIsNotAsked(t *testing.T) {
	t.Parallel()
	var calls []Call
	g := New(Config{Failures: 1, OpenFor: time.Minute, Observe: func(c Call) { calls = append(calls, c) }},
		&sharedState{until: map[string]time.Time{}, away: errors.New("away")}, slog.New(slog.DiscardHandler), "m")
	image := g.Image("m", "v", &vendor{fails: failure(providers.Transient)})
	for range 2 {
		_, err := image.Generate(t.Context(), providers.ImageRequest{}, nil)
		require.Error(t, err)
	}
	require.Len(t, calls, 2)
	require.Equal(t, skipped, calls[1].Outcome)
	require.False(t, calls[1].Asked)
}

// slow takes a second.
type slow struct{ fails error }

func (s slow) Generate(context.Context, providers.ImageRequest, providers.Sink) (providers.ImageResult, error) {
	time.Sleep(time.Second)
	return providers.ImageResult{}, s.fails
}
