package ratelimit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCounters_closeBreakersByThemselves(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	left, err := c.BreakersOpenFor(t.Context(), "a", "b")
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0, 0}, left)

	require.NoError(t, c.OpenBreaker(t.Context(), "b", 30*time.Second))
	f.wait(10 * time.Second)
	left, err = c.BreakersOpenFor(t.Context(), "a", "b")
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0, 20 * time.Second}, left)

	f.wait(20 * time.Second)
	left, err = c.BreakersOpenFor(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0}, left)
}

func TestCounters_closeABreakerBeforeItsTime(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	require.NoError(t, c.OpenBreaker(t.Context(), "a", time.Minute))
	require.NoError(t, c.CloseBreaker(t.Context(), "a"))
	require.NoError(t, c.CloseBreaker(t.Context(), "a"), "closed already")
	left, err := c.BreakersOpenFor(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0}, left)
}
