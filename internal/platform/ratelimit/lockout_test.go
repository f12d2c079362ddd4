package ratelimit_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

func ada() ratelimit.Subject { return ratelimit.Account("ada@example.com") }

func home() ratelimit.Subject { return ratelimit.Address("203.0.113.9") }

func begin(t testing.TB, l *ratelimit.Lockout, subjects ...ratelimit.Subject) *ratelimit.Attempt {
	t.Helper()
	attempt, err := l.Begin(t.Context(), subjects...)
	require.NoError(t, err)
	return attempt
}

func fail(t testing.TB, l *ratelimit.Lockout, subjects ...ratelimit.Subject) []ratelimit.Lock {
	t.Helper()
	locks, err := begin(t, l, subjects...).Fail(t.Context())
	require.NoError(t, err)
	return locks
}

func succeed(t testing.TB, l *ratelimit.Lockout, subjects ...ratelimit.Subject) {
	t.Helper()
	require.NoError(t, begin(t, l, subjects...).Succeed(t.Context()))
}

func requireLocked(t testing.TB, l *ratelimit.Lockout, retryAfter time.Duration, subjects ...ratelimit.Subject) {
	t.Helper()
	attempt, err := l.Begin(t.Context(), subjects...)
	require.ErrorIs(t, err, ratelimit.ErrLocked)
	require.Nil(t, attempt)
	require.Equal(t, retryAfter, apperr.From(err).RetryAfter)
	require.Equal(t, apperr.CodeAccountLocked, apperr.From(err).Code)
}

// impatient doesn't wait for attempts under way.
func impatient(cfg *ratelimit.LockoutConfig) { cfg.Wait = 0 }

func TestLockout_after_five_failures(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t)
	l := lockout(t, c, nil)
	for range 4 {
		require.Empty(t, fail(t, l, ada()))
	}
	require.Equal(t, []ratelimit.Lock{{Subject: ada(), For: time.Minute}}, fail(t, l, ada()))
	requireLocked(t, l, time.Minute, ada())
	w.wait(59 * time.Second)
	requireLocked(t, l, time.Second, ada())
	succeed(t, l, ratelimit.Account("grace@example.com"))
	w.wait(time.Second)
	succeed(t, l, ada())
}

func TestLockout_grows_and_is_forgotten(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t)
	l := lockout(t, c, impatient)
	for range 4 {
		fail(t, l, ada())
	}
	for _, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		length := time.Duration(minutes) * time.Minute
		locks := fail(t, l, ada())
		require.Equal(t, []ratelimit.Lock{{Subject: ada(), For: length}}, locks)
		requireLocked(t, l, length, ada())
		w.wait(length)
	}
	first := begin(t, l, ada())
	requireLocked(t, l, time.Second, ada()) // one attempt at a time after a lock
	require.NoError(t, first.Release(t.Context()))

	w.wait(time.Hour) // after the end of the last lock
	for range 4 {
		require.Empty(t, fail(t, l, ada()))
	}
	require.Equal(t, time.Minute, fail(t, l, ada())[0].For)
}

func TestLockout_failures_count_for_the_window_alone(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t)
	l := lockout(t, c, nil)
	for range 20 { // one every four minutes: never five in fifteen
		require.Empty(t, fail(t, l, ada()))
		w.wait(4 * time.Minute)
	}
}

func TestLockout_success_forgives_the_account_but_not_the_address(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t)
	l := lockout(t, c, nil)
	for range 4 {
		require.Empty(t, fail(t, l, ada(), home()))
	}
	succeed(t, l, ada(), home())
	require.Empty(t, fail(t, l, ada()), "the account starts anew")
	locks := fail(t, l, ratelimit.Account("grace@example.com"), home())
	require.Equal(t, []ratelimit.Lock{{Subject: home(), For: time.Minute}}, locks)
	requireLocked(t, l, time.Minute, ratelimit.Account("linus@example.com"), home())
	succeed(t, l, ada(), ratelimit.Address("203.0.113.10"))
}

func TestLockout_an_address_gets_all_its_attempts_back(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t)
	l := lockout(t, c, nil)
	for _, minutes := range []int{1, 2, 4} {
		length := time.Duration(minutes) * time.Minute
		for range 4 {
			require.Empty(t, fail(t, l, home()))
		}
		require.Equal(t, length, fail(t, l, home())[0].For)
		w.wait(length)
	}
}

func TestLockout_the_longest_lock_answers_and_nothing_is_reserved(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t)
	l := lockout(t, c, impatient)
	for range 5 {
		fail(t, l, ada())
	}
	w.wait(30 * time.Second)
	for range 5 {
		fail(t, l, home())
	}
	requireLocked(t, l, time.Minute, ada(), home())
	requireLocked(t, l, time.Minute, home(), ada())
	grace := ratelimit.Account("grace@example.com")
	for range 10 {
		requireLocked(t, l, time.Minute, grace, home())
	}
	var held []*ratelimit.Attempt
	for range 5 {
		held = append(held, begin(t, l, grace))
	}
	for _, attempt := range held {
		require.NoError(t, attempt.Release(t.Context()))
	}
}

func TestLockout_attempts_under_way_count(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t)
	l := lockout(t, c, impatient)
	for range 3 {
		fail(t, l, ada())
	}
	fourth, fifth := begin(t, l, ada()), begin(t, l, ada())
	requireLocked(t, l, time.Second, ada())
	require.NoError(t, fourth.Release(t.Context()))
	sixth := begin(t, l, ada())
	requireLocked(t, l, time.Second, ada())
	require.NoError(t, sixth.Succeed(t.Context())) // forgives failures, not attempts under way: the fifth is one
	for range 4 {
		begin(t, l, ada())
	}
	requireLocked(t, l, time.Second, ada())
	locks, err := fifth.Fail(t.Context())
	require.NoError(t, err)
	require.Empty(t, locks, "one failure and four under way")
	requireLocked(t, l, time.Second, ada())
}

func TestLockout_a_process_that_dies_gives_its_attempt_back(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t)
	l := lockout(t, c, impatient)
	for range 5 {
		begin(t, l, ada(), home()) // and nothing more is heard of it
	}
	requireLocked(t, l, time.Second, ada(), home())
	w.wait(59 * time.Second)
	requireLocked(t, l, time.Second, ada(), home())
	w.wait(time.Second)
	for range 4 {
		require.Empty(t, fail(t, l, ada(), home()))
	}
	succeed(t, l, ada(), home())
}

func TestLockout_a_failure_after_its_reservation_lapsed_still_counts(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t)
	l := lockout(t, c, nil)
	late := begin(t, l, ada())
	w.wait(2 * time.Minute)
	for range 4 {
		require.Empty(t, fail(t, l, ada()))
	}
	locks, err := late.Fail(t.Context())
	require.NoError(t, err)
	require.Len(t, locks, 1)

	w, c = newWorld(t)
	l = lockout(t, c, nil)
	for range 3 {
		fail(t, l, ada())
	}
	w.wait(14 * time.Minute)
	fail(t, l, ada())
	late = begin(t, l, ada())
	w.wait(2 * time.Minute)
	locks, err = late.Fail(t.Context())
	require.NoError(t, err)
	require.Empty(t, locks, "the first three are out of the window by now")

	w, c = newWorld(t)
	l = lockout(t, c, nil)
	late = begin(t, l, ada())
	w.wait(2 * time.Minute)
	for range 5 {
		fail(t, l, ada())
	}
	locks, err = late.Fail(t.Context())
	require.NoError(t, err)
	require.Empty(t, locks, "what is locked isn't locked twice")
	requireLocked(t, l, time.Minute, ada())
}

func TestLockout_an_attempt_is_settled_once(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t)
	l := lockout(t, c, nil)
	for range 4 {
		attempt := begin(t, l, ada())
		for range 3 {
			_, err := attempt.Fail(t.Context())
			require.NoError(t, err)
		}
		require.NoError(t, attempt.Succeed(t.Context()))
		require.NoError(t, attempt.Release(t.Context()))
	}
	require.Len(t, fail(t, l, ada()), 1)
}

// A script whose answer was lost is run again. Attempts of one id are such repeats.
func TestLockout_a_repeat_counts_once(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t)
	cfg := ratelimit.DefaultLockout("signin", 2, 15*time.Minute)
	cfg.Wait = 0
	l, err := ratelimit.NewLockout(c, cfg, zeros{})
	require.NoError(t, err)
	repeats := []*ratelimit.Attempt{begin(t, l, ada()), begin(t, l, ada()), begin(t, l, ada())}
	other := begin(t, lockout(t, c, func(other *ratelimit.LockoutConfig) { *other = cfg }), ada())
	repeats = append(repeats, begin(t, l, ada())) // nothing is free, but this needs nothing
	for _, repeat := range repeats {
		locks, err := repeat.Fail(t.Context())
		require.NoError(t, err)
		require.Empty(t, locks)
	}
	locks, err := other.Fail(t.Context())
	require.NoError(t, err)
	require.Len(t, locks, 1)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestLockout_clear(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t)
	l := lockout(t, c, nil)
	for range 5 {
		fail(t, l, ada(), home())
	}
	require.NoError(t, l.Clear(t.Context(), ada()))
	requireLocked(t, l, time.Minute, ada(), home())
	for range 4 {
		require.Empty(t, fail(t, l, ada()))
	}
	require.Equal(t, time.Minute, fail(t, l, ada())[0].For, "not remembered")
	require.NoError(t, l.Clear(t.Context(), home()))
	w.wait(time.Minute)
	succeed(t, l, ada(), home())
}

func TestLockout_purposes_count_for_themselves(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t)
	l := lockout(t, c, nil)
	for range 5 {
		fail(t, l, ada())
	}
	succeed(t, lockout(t, c, func(cfg *ratelimit.LockoutConfig) { cfg.Purpose = "2fa" }), ada())
}

func TestNewLockout_refuses_configuration_out_of_range(t *testing.T) {
	t.Parallel()
	_, c := newWorld(t)
	for name, change := range map[string]func(*ratelimit.LockoutConfig){
		"no purpose":       func(cfg *ratelimit.LockoutConfig) { cfg.Purpose = "" },
		"no failures":      func(cfg *ratelimit.LockoutConfig) { cfg.MaxFailures = 0 },
		"no window":        func(cfg *ratelimit.LockoutConfig) { cfg.Window = 0 },
		"no lock":          func(cfg *ratelimit.LockoutConfig) { cfg.FirstLock = 0 },
		"shrinking locks":  func(cfg *ratelimit.LockoutConfig) { cfg.LongestLock = time.Second },
		"no lease":         func(cfg *ratelimit.LockoutConfig) { cfg.Lease = 0 },
		"negative waiting": func(cfg *ratelimit.LockoutConfig) { cfg.Wait = -1 },
	} {
		cfg := ratelimit.DefaultLockout("signin", 5, 15*time.Minute)
		change(&cfg)
		_, err := ratelimit.NewLockout(c, cfg, rand.Reader)
		require.Error(t, err, name)
	}
}
