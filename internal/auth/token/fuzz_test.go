package token_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth/token"
)

// Whatever a stranger sends, the readers answer, and accept nothing that was not made here.
func FuzzReaders(f *testing.F) {
	// The fuzzer runs in several processes, which have to agree on what is good.
	r, i := token.NewRefresher(ring(f, secretA), newStream()), streamIssuer(f)
	first, err := r.New(uuid.UUID{2})
	require.NoError(f, err)
	good, access := first.Token(), issue(f, i, token.Claims{UserID: uuid.UUID{1}, SessionID: uuid.UUID{2}})
	for _, seed := range []string{"", good, access, good[:85] + "\n", access + "\n", "..", access[:40] + "\n" + access[40:]} {
		f.Add(seed)
	}
	csrf := csrfTokens(f)
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := r.Parse(text); err == nil && text != good {
			t.Errorf("refresh token accepted: %q", text)
		}
		if _, err := i.Verify(text); err == nil && text != access {
			t.Errorf("access token accepted: %q", text)
		}
		if csrf.Valid(uuid.UUID{1}, text, text) {
			t.Errorf("CSRF token accepted: %q", text)
		}
	})
}

func streamIssuer(f *testing.F) *token.Issuer {
	f.Helper()
	i, err := token.NewIssuer(ring(f, secretA), config(), newClock().Now, newStream())
	require.NoError(f, err)
	return i
}
