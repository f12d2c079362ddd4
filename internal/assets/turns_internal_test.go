package assets

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// queueFor lets an upload of an account wait, and tells on served when it has its turn.
func queueFor(t *testing.T, s *turns, name string, account uuid.UUID, served chan<- func() string) {
	t.Helper()
	s.mu.Lock()
	before := len(s.waiting[account])
	s.mu.Unlock()
	go func() {
		release, err := s.take(context.Background(), account)
		if err != nil {
			t.Error(err)
			return
		}
		served <- func() string { release(); return name }
	}()
	for waiting := before; waiting == before; { // until it stands in its line
		s.mu.Lock()
		waiting = len(s.waiting[account])
		s.mu.Unlock()
	}
}

// However many uploads an account waits with, others wait for one of them at most.
func TestTurns_goRoundByAccount(t *testing.T) {
	t.Parallel()
	s := newTurns(1)
	hostile, ada, bob := uuid.New(), uuid.New(), uuid.New()
	first, err := s.take(t.Context(), hostile)
	require.NoError(t, err)
	served := make(chan func() string, 9)
	for range 4 {
		queueFor(t, s, "hostile", hostile, served)
	}
	queueFor(t, s, "ada", ada, served)
	queueFor(t, s, "bob", bob, served)
	queueFor(t, s, "ada", ada, served)
	first()
	var order []string
	for range 7 {
		order = append(order, (<-served)())
	}
	require.Equal(t, []string{"ada", "bob", "hostile", "ada", "hostile", "hostile", "hostile"}, order)
	requireIdle(t, s)
}

// An account has one turn, even where others are free.
func TestTurns_oneAtATimeOfAnAccount(t *testing.T) {
	t.Parallel()
	s := newTurns(3)
	hostile, ada := uuid.New(), uuid.New()
	first, err := s.take(t.Context(), hostile)
	require.NoError(t, err)
	served := make(chan func() string, 9)
	queueFor(t, s, "hostile", hostile, served)
	other, err := s.take(t.Context(), ada)
	require.NoError(t, err, "at once")
	require.Empty(t, served)
	first()
	require.Equal(t, "hostile", (<-served)())
	other()
	require.EqualValues(t, 3, s.free)
}

// A request that is given up neither keeps a turn nor its place.
func TestTurns_givenUp(t *testing.T) {
	t.Parallel()
	s := newTurns(1)
	ada, bob := uuid.New(), uuid.New()
	first, err := s.take(t.Context(), ada)
	require.NoError(t, err)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, account := range []uuid.UUID{ada, bob, bob} {
		_, err := s.take(gone, account)
		require.ErrorIs(t, err, context.Canceled)
	}
	served := make(chan func() string, 1)
	queueFor(t, s, "bob", bob, served)
	first()
	require.Equal(t, "bob", (<-served)())
	requireIdle(t, s)
}

// requireIdle finds one turn free, and nothing left of those that were.
func requireIdle(t *testing.T, s *turns) {
	t.Helper()
	require.EqualValues(t, 1, s.free)
	require.Empty(t, s.busy)
	require.Empty(t, s.waiting)
	require.Empty(t, s.next)
}
