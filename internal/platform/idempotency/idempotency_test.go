package idempotency_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

var key = idempotency.Key{Operation: "test", Value: "k", Hash: [32]byte{1}}

func TestOnce_runsTheWorkOnceForRequestsAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := factory.Store(t)
	user := factory.User(t, s, 0)
	answers := make([]int64, 30)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			balance, _, err := idempotency.Once(t.Context(), s, user.ID, key, time.Now(), func(q *db.Queries) (int64, error) {
				return credits.Give(t.Context(), q, credits.Grant{
					ID: factory.ID(), UserID: user.ID, Amount: 5, Reason: credits.Granted,
				})
			})
			if err != nil {
				t.Error(err)
			}
			answers[i] = balance
		})
	}
	wg.Wait()
	for _, balance := range answers {
		require.EqualValues(t, 5, balance)
	}
	require.EqualValues(t, 5, factory.Balance(t, s, user.ID))
}

func TestOnce_rollsBackFailedWorkAndFreesTheKey(t *testing.T) {
	t.Parallel()
	s := factory.Store(t)
	user := factory.User(t, s, 0)
	work := func(fails error) (replayed bool, err error) {
		_, replayed, err = idempotency.Once(t.Context(), s, user.ID, key, time.Now(), func(q *db.Queries) (int64, error) {
			balance, err := credits.Give(t.Context(), q, credits.Grant{
				ID: factory.ID(), UserID: user.ID, Amount: 5, Reason: credits.Granted,
			})
			return balance, errors.Join(err, fails)
		})
		return replayed, err
	}
	refused := errors.New("refused")
	_, err := work(refused)
	require.ErrorIs(t, err, refused)
	require.Zero(t, factory.Balance(t, s, user.ID))
	replayed, err := work(nil)
	require.NoError(t, err)
	require.False(t, replayed)
	require.EqualValues(t, 5, factory.Balance(t, s, user.ID))
}

func TestOnce_keepsAKeyForOneRequestOfOneAccountForADay(t *testing.T) {
	t.Parallel()
	s := factory.Store(t)
	user, other := factory.User(t, s, 0), factory.User(t, s, 0)
	now := time.Now()
	do := func(u db.User, k idempotency.Key, at time.Time) (replayed bool, err error) {
		_, replayed, err = idempotency.Once(t.Context(), s, u.ID, k, at, func(*db.Queries) (string, error) { return "done", nil })
		return replayed, err
	}
	replayed, err := do(user, key, now)
	require.NoError(t, err)
	require.False(t, replayed)

	another := key
	another.Hash = [32]byte{2}
	_, err = do(user, another, now)
	require.ErrorIs(t, err, idempotency.ErrConflict)
	_, _, err = idempotency.Recall[string](t.Context(), s, user.ID, another, now)
	require.ErrorIs(t, err, idempotency.ErrConflict)
	result, found, err := idempotency.Recall[string](t.Context(), s, user.ID, key, now)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "done", result)

	replayed, err = do(other, key, now)
	require.NoError(t, err)
	require.False(t, replayed, "another account's key")

	later := now.Add(idempotency.Lifetime + time.Second)
	_, found, err = idempotency.Recall[string](t.Context(), s, user.ID, key, later)
	require.NoError(t, err)
	require.False(t, found)
	replayed, err = do(user, another, later)
	require.NoError(t, err)
	require.False(t, replayed, "an expired key can be used again")

	require.NoError(t, idempotency.Expire(t.Context(), s, later))
	_, found, err = idempotency.Recall[string](t.Context(), s, other.ID, key, now)
	require.NoError(t, err)
	require.False(t, found)
}
