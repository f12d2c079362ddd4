package ratelimit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRest_endsByItself(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t)
	left, err := c.BreakersOpenFor(t.Context(), "a", "b")
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0, 0}, left)

	require.NoError(t, c.OpenBreaker(t.Context(), "b", 30*time.Second))
	w.wait(10 * time.Second)
	left, err = c.BreakersOpenFor(t.Context(), "a", "b")
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0, 20 * time.Second}, left)

	w.wait(20 * time.Second)
	left, err = c.BreakersOpenFor(t.Context(), "b")
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0}, left)
}

func TestWake_endsARest(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t)
	require.NoError(t, c.OpenBreaker(t.Context(), "a", time.Minute))
	require.NoError(t, c.CloseBreaker(t.Context(), "a"))
	require.NoError(t, c.CloseBreaker(t.Context(), "a"), "it may be done twice")
	left, err := c.BreakersOpenFor(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, []time.Duration{0}, left)
}
