package ratelimit_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

// What locks an account is far from what locks an address, behind which many people may be.
func TestLockout_anAddressHasAFigureOfItsOwn(t *testing.T) {
	t.Parallel()
	_, c := setup(t)
	l := lockout(t, c, func(cfg *ratelimit.LockoutConfig) { impatient(cfg); cfg.MaxByAddr = 12 })
	for range 5 {
		fail(t, l, ada(), home())
	}
	requireLocked(t, l, time.Minute, ada(), home())
	for n := range 6 {
		require.Empty(t, fail(t, l, ratelimit.Account(fmt.Sprintf("user%d@example.com", n)), home()))
	}
	last := begin(t, l, ratelimit.Account("linus@example.com"), home())
	requireAddressLocked(t, l, time.Second, ratelimit.Account("grace@example.com"), home())
	locks, err := last.Fail(t.Context())
	require.NoError(t, err)
	require.Equal(t, []ratelimit.Lock{{Subject: home(), For: time.Minute}}, locks)
	requireAddressLocked(t, l, time.Minute, ratelimit.Account("grace@example.com"), home())
	succeed(t, l, ratelimit.Account("grace@example.com"), ratelimit.Address("203.0.113.10"))
}
