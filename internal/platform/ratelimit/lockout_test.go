package ratelimit_test

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

func TestLockout_locksAfterFiveFailures(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	l := lockout(t, c, nil)
	for range 4 {
		require.Empty(t, fail(t, l, ada()))
	}
	require.Equal(t, []ratelimit.Lock{{Subject: ada(), For: time.Minute}}, fail(t, l, ada()))
	requireLocked(t, l, time.Minute, ada())
	f.wait(59 * time.Second)
	requireLocked(t, l, time.Second, ada())
	succeed(t, l, ratelimit.Account("grace@example.com"))
	f.wait(time.Second)
	succeed(t, l, ada())
}

func TestLockout_growsAndIsForgotten(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	l := lockout(t, c, impatient)
	for range 4 {
		fail(t, l, ada())
	}
	for _, minutes := range []int{1, 2, 4, 8, 16, 32, 60, 60} {
		length := time.Duration(minutes) * time.Minute
		locks := fail(t, l, ada())
		require.Equal(t, []ratelimit.Lock{{Subject: ada(), For: length}}, locks)
		requireLocked(t, l, length, ada())
		f.wait(length)
	}
	first := begin(t, l, ada())
	requireLocked(t, l, time.Second, ada()) // one attempt at a time after a lock
	require.NoError(t, first.Release(t.Context()))

	f.wait(time.Hour) // after the end of the last lock
	for range 4 {
		require.Empty(t, fail(t, l, ada()))
	}
	require.Equal(t, time.Minute, fail(t, l, ada())[0].For)
}

func TestLockout_countsFailuresWithinTheWindow(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	l := lockout(t, c, nil)
	for range 20 { // one every four minutes: never five in fifteen
		require.Empty(t, fail(t, l, ada()))
		f.wait(4 * time.Minute)
	}
}

func TestLockout_successResetsTheAccountAndNotTheAddress(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	l := lockout(t, c, nil)
	for range 4 {
		require.Empty(t, fail(t, l, ada(), home()))
	}
	succeed(t, l, ada(), home())
	require.Empty(t, fail(t, l, ada()), "the account starts anew")
	locks := fail(t, l, ratelimit.Account("grace@example.com"), home())
	require.Equal(t, []ratelimit.Lock{{Subject: home(), For: time.Minute}}, locks)
	requireAddressLocked(t, l, time.Minute, ratelimit.Account("linus@example.com"), home())
	succeed(t, l, ada(), ratelimit.Address("203.0.113.10"))
}

func TestLockout_givesAnAddressAllItsAttemptsBack(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	l := lockout(t, c, nil)
	for _, minutes := range []int{1, 2, 4} {
		length := time.Duration(minutes) * time.Minute
		for range 4 {
			require.Empty(t, fail(t, l, home()))
		}
		require.Equal(t, length, fail(t, l, home())[0].For)
		f.wait(length)
	}
}

func TestLockout_answersForTheLongestLockAndReservesNothing(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	l := lockout(t, c, impatient)
	for range 5 {
		fail(t, l, ada())
	}
	f.wait(30 * time.Second)
	for range 5 {
		fail(t, l, home())
	}
	requireAddressLocked(t, l, time.Minute, ada(), home())
	requireAddressLocked(t, l, time.Minute, home(), ada())
	grace := ratelimit.Account("grace@example.com")
	for range 10 {
		requireAddressLocked(t, l, time.Minute, grace, home())
	}
	var reserved []*ratelimit.Attempt
	for range 5 {
		reserved = append(reserved, begin(t, l, grace))
	}
	for _, attempt := range reserved {
		require.NoError(t, attempt.Release(t.Context()))
	}
}

func TestLockout_countsAttemptsUnderWay(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	l := lockout(t, c, impatient)
	for range 3 {
		fail(t, l, ada())
	}
	fourth, fifth := begin(t, l, ada()), begin(t, l, ada())
	requireLocked(t, l, time.Second, ada())
	require.NoError(t, fourth.Release(t.Context()))
	sixth := begin(t, l, ada())
	requireLocked(t, l, time.Second, ada())
	require.NoError(t, sixth.Succeed(t.Context())) // resets failures, not attempts under way: the fifth is one
	for range 4 {
		begin(t, l, ada())
	}
	requireLocked(t, l, time.Second, ada())
	locks, err := fifth.Fail(t.Context())
	require.NoError(t, err)
	require.Empty(t, locks, "one failure and four under way")
	requireLocked(t, l, time.Second, ada())
}

func TestLockout_freesTheAttemptsOfADeadProcess(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	l := lockout(t, c, impatient)
	for range 5 {
		begin(t, l, ada(), home()) // and the process dies
	}
	requireLocked(t, l, time.Second, ada(), home())
	f.wait(59 * time.Second)
	requireLocked(t, l, time.Second, ada(), home())
	f.wait(time.Second)
	for range 4 {
		require.Empty(t, fail(t, l, ada(), home()))
	}
	succeed(t, l, ada(), home())
}

func TestLockout_countsAFailureAfterItsReservation(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	l := lockout(t, c, nil)
	late := begin(t, l, ada())
	f.wait(2 * time.Minute)
	for range 4 {
		require.Empty(t, fail(t, l, ada()))
	}
	locks, err := late.Fail(t.Context())
	require.NoError(t, err)
	require.Len(t, locks, 1)

	f, c = setup(t)
	l = lockout(t, c, nil)
	for range 3 {
		fail(t, l, ada())
	}
	f.wait(14 * time.Minute)
	fail(t, l, ada())
	late = begin(t, l, ada())
	f.wait(2 * time.Minute)
	locks, err = late.Fail(t.Context())
	require.NoError(t, err)
	require.Empty(t, locks, "the first three are out of the window by now")

	f, c = setup(t)
	l = lockout(t, c, nil)
	late = begin(t, l, ada())
	f.wait(2 * time.Minute)
	for range 5 {
		fail(t, l, ada())
	}
	locks, err = late.Fail(t.Context())
	require.NoError(t, err)
	require.Empty(t, locks, "what is locked isn't locked twice")
	requireLocked(t, l, time.Minute, ada())
}

func TestLockout_settlesAnAttemptOnce(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
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

// A script whose reply was lost is run again. Attempts with the same id are such repeats.
func TestLockout_countsARepeatOnce(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	cfg := ratelimit.DefaultLockout("signin", 2, 2, 15*time.Minute)
	cfg.Wait = 0
	l, err := ratelimit.NewLockout(c, cfg, zeros{})
	require.NoError(t, err)
	repeats := []*ratelimit.Attempt{begin(t, l, ada()), begin(t, l, ada()), begin(t, l, ada())}
	other := begin(t, lockout(t, c, func(other *ratelimit.LockoutConfig) { *other = cfg }), ada())
	repeats = append(repeats, begin(t, l, ada())) // no attempt is free, but a repeat needs none
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

func TestLockout_clearsFailuresAndLocks(t *testing.T) {
	t.Parallel()
	f, c := setup(t)
	l := lockout(t, c, nil)
	for range 5 {
		fail(t, l, ada(), home())
	}
	require.NoError(t, l.Clear(t.Context(), ada()))
	requireAddressLocked(t, l, time.Minute, ada(), home())
	for range 4 {
		require.Empty(t, fail(t, l, ada()))
	}
	require.Equal(t, time.Minute, fail(t, l, ada())[0].For, "not remembered")
	require.NoError(t, l.Clear(t.Context(), home()))
	f.wait(time.Minute)
	succeed(t, l, ada(), home())
}

func TestLockout_countsPurposesSeparately(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	l := lockout(t, c, nil)
	for range 5 {
		fail(t, l, ada())
	}
	succeed(t, lockout(t, c, func(cfg *ratelimit.LockoutConfig) { cfg.Purpose = "2fa" }), ada())
}

func TestNewLockout_refusesAConfigurationOutOfRange(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	for name, change := range map[string]func(*ratelimit.LockoutConfig){
		"no purpose":       func(cfg *ratelimit.LockoutConfig) { cfg.Purpose = "" },
		"no failures":      func(cfg *ratelimit.LockoutConfig) { cfg.MaxFailures = 0 },
		"no window":        func(cfg *ratelimit.LockoutConfig) { cfg.Window = 0 },
		"no lock":          func(cfg *ratelimit.LockoutConfig) { cfg.FirstLock = 0 },
		"shrinking locks":  func(cfg *ratelimit.LockoutConfig) { cfg.LongestLock = time.Second },
		"no lease":         func(cfg *ratelimit.LockoutConfig) { cfg.Lease = 0 },
		"negative waiting": func(cfg *ratelimit.LockoutConfig) { cfg.Wait = -1 },
	} {
		cfg := ratelimit.DefaultLockout("signin", 5, 5, 15*time.Minute)
		change(&cfg)
		_, err := ratelimit.NewLockout(c, cfg, rand.Reader)
		require.Error(t, err, name)
	}
}
