package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// A process that stands still, as on a suspended machine, must not keep all others from sweeping.
func TestStore_exclusiveEndsWhenItsProcessStandsStill(t *testing.T) {
	t.Parallel()
	const key = 7
	dsn := pgtest.New(t)
	still, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(still.Close)
	other, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	require.NoError(t, err)
	t.Cleanup(other.Close)

	held, thawed, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	thaw := sync.OnceFunc(func() { close(thawed) })
	t.Cleanup(thaw) // closing the pool waits for the lock's transaction
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := still.Exclusive(ctx, key, func(context.Context) error { close(held); <-thawed; return nil })
		ended <- err
	}()
	select {
	case <-held:
	case err := <-ended:
		require.Fail(t, "the lock was not taken", "%v", err)
	}
	ran, err := other.Exclusive(t.Context(), key, func(context.Context) error { return nil })
	require.NoError(t, err)
	require.False(t, ran, "one process at a time")
	require.Eventually(t, func() bool {
		ran, err := other.Exclusive(t.Context(), key, func(context.Context) error { return nil })
		return err == nil && ran
	}, 30*time.Second, 100*time.Millisecond)
	thaw()
	require.Error(t, <-ended, "what it did meanwhile was not alone")
}
