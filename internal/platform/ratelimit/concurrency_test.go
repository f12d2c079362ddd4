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

// signIns makes n sign-ins at the same time, over several processes, and returns how many had their password checked and how
// many were locked out.
func signIns(t *testing.T, lockouts []*ratelimit.Lockout, n int, subjects func(i int) []ratelimit.Subject, right bool) (checked, locked int64) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	var checks, refusals atomic.Int64
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			attempt, err := lockouts[i%len(lockouts)].Begin(ctx, subjects(i)...)
			switch {
			case errors.Is(err, ratelimit.ErrLocked), errors.Is(err, ratelimit.ErrAddressLocked):
				refusals.Add(1)
				return
			case err != nil:
				t.Error(err)
				return
			}
			checks.Add(1)
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
	return checks.Load(), refusals.Load()
}

// patient waits for attempts for as long as a heavily loaded machine may need.
func patient(cfg *ratelimit.LockoutConfig) { cfg.Wait = time.Minute }

func TestLockout_boundsGuessesAtOneAccountFromManyAddresses(t *testing.T) {
	t.Parallel()
	url, namespace := redistest.URL(t), redistest.Namespace(t)
	quick := func(cfg *ratelimit.LockoutConfig) { patient(cfg); cfg.FirstLock = 2 * time.Second }
	lockouts := []*ratelimit.Lockout{lockout(t, open(t, url, namespace), quick), lockout(t, open(t, url, namespace), quick)}
	checked, locked := signIns(t, lockouts, 200, func(i int) []ratelimit.Subject {
		return []ratelimit.Subject{ada(), ratelimit.Address(fmt.Sprintf("203.0.113.%d", i%50))}
	}, false)
	require.EqualValues(t, 5, checked, "none beyond the limit")
	require.EqualValues(t, 195, locked)

	// The right password works once the lock has ended.
	require.Eventually(t, func() bool {
		attempt, err := lockouts[0].Begin(t.Context(), ada(), home())
		return err == nil && attempt.Succeed(t.Context()) == nil
	}, time.Minute, 50*time.Millisecond)
}

func TestLockout_boundsGuessesAtManyAccountsFromOneAddress(t *testing.T) {
	t.Parallel()
	lockouts := []*ratelimit.Lockout{lockout(t, shared(t), patient)}
	checked, locked := signIns(t, lockouts, 200, func(i int) []ratelimit.Subject {
		return []ratelimit.Subject{ratelimit.Account(fmt.Sprintf("user%d@example.com", i)), home()}
	}, false)
	require.EqualValues(t, 5, checked)
	require.EqualValues(t, 195, locked)
}

func TestLockout_letsTwoHundredSignInFromOneAddress(t *testing.T) {
	t.Parallel()
	lockouts := []*ratelimit.Lockout{lockout(t, shared(t), patient)}
	checked, locked := signIns(t, lockouts, 200, func(i int) []ratelimit.Subject {
		return []ratelimit.Subject{ratelimit.Account(fmt.Sprintf("user%d@example.com", i)), home()}
	}, true)
	require.EqualValues(t, 200, checked)
	require.Zero(t, locked)
}

// A client that closes the connection while its password is hashed is counted too.
func TestLockout_countsAClientThatLeaves(t *testing.T) {
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

func TestLockout_waitsForAttemptsUnderWay(t *testing.T) {
	t.Parallel()
	l := lockout(t, shared(t), patient)
	var reserved []*ratelimit.Attempt
	for range 5 {
		reserved = append(reserved, begin(t, l, ada()))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Begin(ctx, ada())
	require.ErrorIs(t, err, ratelimit.ErrLocked, "a client that has left does not wait")

	got := make(chan error, 1)
	go func() {
		attempt, err := l.Begin(context.WithoutCancel(t.Context()), ada())
		if err == nil {
			err = attempt.Release(context.WithoutCancel(t.Context()))
		}
		got <- err
	}()
	require.NoError(t, reserved[0].Release(t.Context()))
	require.NoError(t, <-got)
}

func TestLockout_failsWithoutRandomness(t *testing.T) {
	t.Parallel()
	l, err := ratelimit.NewLockout(shared(t), ratelimit.DefaultLockout("signin", 5, 5, time.Minute), strings.NewReader(""))
	require.NoError(t, err)
	_, err = l.Begin(t.Context(), ada())
	require.Error(t, err)
}

func BenchmarkLockout_beginAndSucceed(b *testing.B) {
	l := lockout(b, shared(b), nil)
	for b.Loop() {
		succeed(b, l, ada(), home())
	}
}
