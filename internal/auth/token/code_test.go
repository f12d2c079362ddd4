package token_test

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth/token"
)

func TestNewCode_sixUniformDigits(t *testing.T) {
	t.Parallel()
	// Every digit in every place, over a seeded stream, so that the bounds are either kept or not.
	const draws = 20_000
	var counts [6][10]int
	random := newStream()
	for range draws {
		code, err := token.NewCode(random)
		require.NoError(t, err)
		require.Len(t, code, 6)
		for place, digit := range []byte(code) {
			require.GreaterOrEqual(t, digit, byte('0'))
			require.LessOrEqual(t, digit, byte('9'))
			counts[place][digit-'0']++
		}
	}
	for place := range counts {
		for digit, n := range counts[place] {
			require.InDelta(t, draws/10, n, 200, "digit %d in place %d", digit, place) // 4.7 standard deviations
		}
	}
	_, err := token.NewCode(strings.NewReader(""))
	require.Error(t, err)
}

func TestCodeHasher(t *testing.T) {
	t.Parallel()
	h, user := token.NewCodeHasher(ring(t, secretA)), uuid.New()
	stored := h.Hash(user, "confirm_email", "012345")
	require.Len(t, stored, 32)
	require.True(t, h.Match(stored, user, "confirm_email", "012345"))
	require.False(t, h.Match(stored, user, "confirm_email", "012346"))
	require.False(t, h.Match(stored, user, "confirm_email", "12345"))
	require.False(t, h.Match(stored, user, "other", "012345"))
	require.False(t, h.Match(stored, user, "confirm_email0", "12345"))
	require.False(t, h.Match(stored, uuid.New(), "confirm_email", "012345"))
	require.False(t, h.Match(nil, user, "confirm_email", "012345"))
	require.True(t, token.NewCodeHasher(ring(t, secretB, secretA)).Match(stored, user, "confirm_email", "012345"))
	require.False(t, token.NewCodeHasher(ring(t, secretB)).Match(stored, user, "confirm_email", "012345"))
}

func TestReset(t *testing.T) {
	t.Parallel()
	text, hash, err := token.NewReset(rand.Reader)
	require.NoError(t, err)
	require.Len(t, text, 43)
	got, err := token.HashReset(text)
	require.NoError(t, err)
	require.Equal(t, hash, got)
	other, _, err := token.NewReset(rand.Reader)
	require.NoError(t, err)
	require.NotEqual(t, text, other)

	for _, bad := range []string{
		"", text[:42], text + "A", text + "=", text + "\n",
		strings.Repeat("\n", 43), strings.Repeat("A", 42) + "\n", strings.Repeat("!", 43), strings.Repeat("A", 1<<20),
		text[:42] + string(text[42]+1), // the same bytes in another spelling
	} {
		_, err := token.HashReset(bad)
		require.ErrorIs(t, err, token.ErrInvalid)
	}
	_, _, err = token.NewReset(strings.NewReader("short"))
	require.Error(t, err)
}

func TestCSRF(t *testing.T) {
	t.Parallel()
	tokens, session := csrfTokens(t), uuid.New()
	text, err := tokens.New(session)
	require.NoError(t, err)
	require.Len(t, text, 43)
	require.True(t, tokens.Valid(session, text, text))
	require.True(t, token.NewCSRFTokens(ring(t, secretB, secretA), rand.Reader).Valid(session, text, text))

	another, err := tokens.New(session)
	require.NoError(t, err)
	require.False(t, tokens.Valid(session, text, another), "header and cookie differ")
	require.False(t, tokens.Valid(uuid.New(), text, text), "of another session")
	require.False(t, tokens.Valid(session, "", ""), "none at all")
	require.False(t, tokens.Valid(session, text, ""), "no header")
	require.False(t, tokens.Valid(session, "", text), "no cookie")
	planted := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	require.False(t, tokens.Valid(session, planted, planted), "a planted pair")
	for _, same := range []string{strings.Repeat("!", 43), strings.Repeat("\n", 43), text + "\n"} {
		require.False(t, tokens.Valid(session, same, same))
	}
	require.False(t, token.NewCSRFTokens(ring(t, secretB), rand.Reader).Valid(session, text, text))
	_, err = token.NewCSRFTokens(ring(t, secretA), strings.NewReader("")).New(session)
	require.Error(t, err)
}

// newStream is an endless stream of the same pseudo-random bytes.
func newStream() io.Reader { return mathrand.NewChaCha8([32]byte{1}) }

func csrfTokens(t testing.TB) *token.CSRFTokens {
	t.Helper()
	return token.NewCSRFTokens(ring(t, secretA), rand.Reader)
}
