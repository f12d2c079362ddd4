package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

// signIns makes n sign-ins at once, over several processes, and returns how many had their password judged and how many
// were told that they are locked out.
func signIns(t *testing.T, lockouts []*ratelimit.Lockout, n int, subjects func(i int) []ratelimit.Subject, right bool) (judged, locked int64) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var judgements, refusals atomic.Int64
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			attempt, err := lockouts[i%len(lockouts)].Begin(ctx, subjects(i)...)
			switch {
			case errors.Is(err, ratelimit.ErrLocked):
				refusals.Add(1)
				return
			case err != nil:
				t.Error(err)
				return
			}
			judgements.Add(1)
			if right {
				err = attempt.Succeed(ctx)
			} else {
				_, err = attempt.Fail(ctx)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	return judgements.Load(), refusals.Load()
}

// patient lets a loaded machine take its time.
func patient(cfg *ratelimit.LockoutConfig) { cfg.Wait = time.Minute }

func TestLockout_200_wrong_at_once_from_50_addresses_on_one_account(t *testing.T) {
	t.Parallel()
	url, namespace := redistest.URL(t), redistest.Namespace(t)
	quick := func(cfg *ratelimit.LockoutConfig) { patient(cfg); cfg.FirstLock = 2 * time.Second }
	lockouts := []*ratelimit.Lockout{lockout(t, open(t, url, namespace), quick), lockout(t, open(t, url, namespace), quick)}
	judged, locked := signIns(t, lockouts, 200, func(i int) []ratelimit.Subject {
		return []ratelimit.Subject{ada(), ratelimit.Address(fmt.Sprintf("203.0.113.%d", i%50))}
	}, false)
	require.EqualValues(t, 5, judged, "not one past the limit")
	require.EqualValues(t, 195, locked)

	// The right password works once the lock has ended.
	require.Eventually(t, func() bool {
		attempt, err := lockouts[0].Begin(t.Context(), ada(), home())
		return err == nil && attempt.Succeed(t.Context()) == nil
	}, time.Minute, 50*time.Millisecond)
}

func TestLockout_200_wrong_at_once_on_200_accounts_from_one_address(t *testing.T) {
	t.Parallel()
	lockouts := []*ratelimit.Lockout{lockout(t, shared(t), patient)}
	judged, locked := signIns(t, lockouts, 200, func(i int) []ratelimit.Subject {
		return []ratelimit.Subject{ratelimit.Account(fmt.Sprintf("user%d@example.com", i)), home()}
	}, false)
	require.EqualValues(t, 5, judged)
	require.EqualValues(t, 195, locked)
}

func TestLockout_200_right_at_once_from_one_address_all_get_in(t *testing.T) {
	t.Parallel()
	lockouts := []*ratelimit.Lockout{lockout(t, shared(t), patient)}
	judged, locked := signIns(t, lockouts, 200, func(i int) []ratelimit.Subject {
		return []ratelimit.Subject{ratelimit.Account(fmt.Sprintf("user%d@example.com", i)), home()}
	}, true)
	require.EqualValues(t, 200, judged)
	require.Zero(t, locked)
}

// Whoever hangs up while the password is hashed is counted all the same.
func TestLockout_hanging_up_undoes_nothing(t *testing.T) {
	t.Parallel()
	l := lockout(t, shared(t), nil)
	for range 5 {
		ctx, hangUp := context.WithCancel(t.Context())
		attempt, err := l.Begin(ctx, ada())
		require.NoError(t, err)
		hangUp()
		_, err = attempt.Fail(ctx)
		require.NoError(t, err)
	}
	_, err := l.Begin(t.Context(), ada())
	require.ErrorIs(t, err, ratelimit.ErrLocked)
}

func TestLockout_waits_for_attempts_under_way(t *testing.T) {
	t.Parallel()
	l := lockout(t, shared(t), patient)
	var held []*ratelimit.Attempt
	for range 5 {
		held = append(held, begin(t, l, ada()))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Begin(ctx, ada())
	require.ErrorIs(t, err, ratelimit.ErrLocked, "who has gone doesn't wait")

	got := make(chan error, 1)
	go func() {
		attempt, err := l.Begin(context.WithoutCancel(t.Context()), ada())
		if err == nil {
			err = attempt.Release(context.WithoutCancel(t.Context()))
		}
		got <- err
	}()
	require.NoError(t, held[0].Release(t.Context()))
	require.NoError(t, <-got)
}

func TestLockout_fails_without_randomness(t *testing.T) {
	t.Parallel()
	l, err := ratelimit.NewLockout(shared(t), ratelimit.DefaultLockout("signin", 5, time.Minute), strings.NewReader(""))
	require.NoError(t, err)
	_, err = l.Begin(t.Context(), ada())
	require.Error(t, err)
}

func BenchmarkLockout_begin_and_succeed(b *testing.B) {
	l := lockout(b, shared(b), nil)
	for b.Loop() {
		succeed(b, l, ada(), home())
	}
}
