package token_test

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth/token"
)

const (
	secretA = "correct horse battery staple, first edition"
	secretB = "correct horse battery staple, second edition"
)

func ring(t testing.TB, current string, previous ...string) *token.Keyring {
	t.Helper()
	r, err := token.NewKeyring(current, previous...)
	require.NoError(t, err)
	return r
}

func TestKeyring_keysDifferByPurposeAndSecret(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, purpose := range []token.Purpose{
		token.AccessTokens, token.RefreshTokens, token.Codes, token.CSRF, token.StorageURLs, token.SecondFactors,
		token.RateLimitKeys, token.BonusClaims,
	} {
		keys := ring(t, secretA, "", secretB).Derive(purpose)
		require.Len(t, keys, 2)
		for _, key := range keys {
			require.Len(t, key, token.KeySize)
			require.False(t, seen[string(key)])
			seen[string(key)] = true
		}
		require.Equal(t, keys[0], ring(t, secretA).Derive(purpose)[0])
		require.Equal(t, keys[1], ring(t, secretB).Derive(purpose)[0])
	}
}

// A derived key outlives a deployment: a change of the derivation signs everybody out and loses every second factor.
func TestKeyring_derivationIsPinned(t *testing.T) {
	t.Parallel()
	got := hex.EncodeToString(ring(t, secretA).Derive(token.SecondFactors)[0])
	require.Equal(t, "6d06045e1756b2077ca8de8b13872a68d519e21e9ef1814a6e0b0c35425c9bad", got)
}

func TestKeyring_refusesAnEmptySecret(t *testing.T) {
	t.Parallel()
	_, err := token.NewKeyring("", secretA)
	require.Error(t, err)
}

func TestKeyring_isNotPrinted(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "keyring of 2", fmt.Sprintf(verb, ring(t, secretA, secretB)), verb)
	}
}
