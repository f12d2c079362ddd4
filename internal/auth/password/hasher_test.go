package password_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth/password"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// cheap keeps the tests fast; the cost itself is the library's matter.
func cheap() password.Params { return password.Params{Memory: 64, Iterations: 1, Parallelism: 1} }

func hasher(t *testing.T, params password.Params, maxConcurrent int) *password.Hasher {
	t.Helper()
	h, err := password.New(params, maxConcurrent)
	require.NoError(t, err)
	return h
}

func TestHash_andVerify(t *testing.T) {
	t.Parallel()
	h := hasher(t, cheap(), 0)
	phc, err := h.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(phc, "$argon2id$v=19$m=64,t=1,p=1$"), phc)

	match, rehash, err := h.Verify(t.Context(), "correct horse battery", phc)
	require.NoError(t, err)
	require.True(t, match)
	require.False(t, rehash)

	match, rehash, err = h.Verify(t.Context(), "correct horse batterY", phc)
	require.NoError(t, err)
	require.False(t, match)
	require.False(t, rehash)

	again, err := h.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	require.NotEqual(t, phc, again, "every hash has its own salt")
}

func TestHash_defaultCostIsTheOWASPMinimum(t *testing.T) {
	t.Parallel()
	phc, err := hasher(t, password.DefaultParams(), 1).Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	require.Contains(t, phc, "$m=19456,t=2,p=1$")
}

func TestVerify_normalises(t *testing.T) {
	t.Parallel()
	h := hasher(t, cheap(), 0)
	phc, err := h.Hash(t.Context(), "Zu\u0308rich² 2026") // u + combining diaeresis
	require.NoError(t, err)
	match, _, err := h.Verify(t.Context(), "Z\u00fcrich² 2026", phc)
	require.NoError(t, err)
	require.True(t, match)
	match, _, err = h.Verify(t.Context(), "Z\u00fcrich2 2026", phc)
	require.NoError(t, err)
	require.False(t, match)
}

func TestVerify_rehashWhenTheCostGrew(t *testing.T) {
	t.Parallel()
	old, err := hasher(t, cheap(), 0).Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	for name, tc := range map[string]struct {
		now    password.Params
		rehash bool
	}{
		"same":            {cheap(), false},
		"more memory":     {password.Params{Memory: 128, Iterations: 1, Parallelism: 1}, true},
		"more iterations": {password.Params{Memory: 64, Iterations: 2, Parallelism: 1}, true},
		"less memory":     {password.Params{Memory: 32, Iterations: 1, Parallelism: 1}, false},
	} {
		h := hasher(t, tc.now, 0)
		match, rehash, err := h.Verify(t.Context(), "correct horse battery", old)
		require.NoError(t, err, name)
		require.True(t, match, name)
		require.Equal(t, tc.rehash, rehash, name)

		_, rehash, err = h.Verify(t.Context(), "wrong", old)
		require.NoError(t, err, name)
		require.False(t, rehash, "%s: a wrong password must never be stored", name)
	}
}

func TestVerify_andBurnDoTheSameWork(t *testing.T) {
	t.Parallel()
	h := hasher(t, cheap(), 0)
	phc, err := h.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	cost := func(do func() error) uint64 {
		before := h.Hashes()
		require.NoError(t, do())
		return h.Hashes() - before
	}
	verify := func(plain string) func() error {
		return func() error { _, _, err := h.Verify(t.Context(), plain, phc); return err }
	}
	require.EqualValues(t, 1, cost(func() error { return h.Burn(t.Context()) }))
	require.EqualValues(t, 1, cost(verify("correct horse battery")))
	require.EqualValues(t, 1, cost(verify("wrong")))
	require.EqualValues(t, 1, cost(verify("")))
	require.EqualValues(t, 1, cost(verify(strings.Repeat("x", 1<<20))))
}

func TestVerify_tooLongNeverMatches(t *testing.T) {
	t.Parallel()
	h := hasher(t, cheap(), 0)
	empty, err := h.Hash(t.Context(), "")
	require.NoError(t, err)
	match, _, err := h.Verify(t.Context(), strings.Repeat("x", 513), empty)
	require.NoError(t, err)
	require.False(t, match)
}

func TestVerify_refusesUnreadableAndDangerousHashes(t *testing.T) {
	t.Parallel()
	h := hasher(t, cheap(), 0)
	const salt, key = "c29tZXNhbHRzb21lc2FsdA", "RdescudvJCsgt3ub+b+dWRWJTmaaJObG"
	for _, phc := range []string{
		"", "x", "$argon2id$v=19$m=64,t=1,p=1$$",
		"$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + key,
		"$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=4294967295,p=1$" + salt + "$" + key,
		"$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + key + "!",
	} {
		match, rehash, err := h.Verify(t.Context(), "correct horse battery", phc)
		require.ErrorIs(t, err, password.ErrHashFormat, phc)
		require.NotContains(t, err.Error(), key)
		require.False(t, match || rehash)
	}
	require.Zero(t, h.Hashes())
}

func TestNew_refusesParametersOutOfRange(t *testing.T) {
	t.Parallel()
	for _, params := range []password.Params{
		{},
		{Memory: 7, Iterations: 1, Parallelism: 1},
		{Memory: 64, Parallelism: 1},
		{Memory: 64, Iterations: 1},
		{Memory: 1 << 21, Iterations: 1, Parallelism: 1},
		{Memory: 64, Iterations: 65, Parallelism: 1},
	} {
		_, err := password.New(params, 0)
		require.Error(t, err, "%+v", params)
	}
}

func TestHasher_unavailableWhenThereIsNoTurn(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	h := hasher(t, cheap(), 1)
	requireBusy(t, h.Burn(gone))
	require.Zero(t, h.Hashes())

	// One slow hash holds the only turn until it is done; the one with a deadline in the past of its turn gives up.
	slow := hasher(t, password.Params{Memory: 1 << 16, Iterations: 8, Parallelism: 1}, 1)
	var wg sync.WaitGroup
	wg.Go(func() { _ = slow.Burn(context.WithoutCancel(t.Context())) })
	require.Eventually(t, func() bool { return slow.Hashes() == 1 }, 10*time.Second, time.Millisecond)
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	requireBusy(t, slow.Burn(short))
	_, _, err := slow.Verify(short, "x", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b+dWRWJTmaaJObG")
	requireBusy(t, err)
	wg.Wait()
	require.NoError(t, slow.Burn(t.Context()), "the turn came back")
}

func requireBusy(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, apperr.ErrUnavailable)
	require.Equal(t, time.Second, apperr.From(err).RetryAfter)
}

func TestHasher_concurrent(t *testing.T) {
	t.Parallel()
	h := hasher(t, cheap(), 2)
	phc, err := h.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			match, _, err := h.Verify(t.Context(), []string{"correct horse battery", "wrong"}[i%2], phc)
			if err != nil || match != (i%2 == 0) {
				t.Errorf("attempt %d: %v, %v", i, match, err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 51, h.Hashes())
}

func BenchmarkVerify_OWASPMinimum(b *testing.B) {
	h, err := password.New(password.DefaultParams(), 0)
	require.NoError(b, err)
	phc, err := h.Hash(b.Context(), "correct horse battery")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		_, _, err = h.Verify(b.Context(), "correct horse battery", phc)
	}
	require.NoError(b, err)
}
