package token_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth/token"
)

func refresher(t testing.TB, current string, previous ...string) *token.Refresher {
	t.Helper()
	return token.NewRefresher(ring(t, current, previous...), rand.Reader)
}

func newRefresh(t testing.TB, r *token.Refresher) token.Refresh {
	t.Helper()
	made, err := r.New(uuid.New())
	require.NoError(t, err)
	return made
}

func nonce(t testing.TB, r *token.Refresher) [token.NonceSize]byte {
	t.Helper()
	n, err := r.Nonce()
	require.NoError(t, err)
	return n
}

func TestRefresh_newAndParse(t *testing.T) {
	t.Parallel()
	r := refresher(t, secretA)
	made := newRefresh(t, r)
	require.Len(t, made.Token(), 86)
	require.NotContains(t, made.Token(), "=")
	read, err := r.Parse(made.Token())
	require.NoError(t, err)
	require.Equal(t, made, read)
	require.True(t, read.Is(made.Hash[:]))
	require.False(t, read.Is(nil))
	other := newRefresh(t, r)
	require.False(t, read.Is(other.Hash[:]))
}

func TestRefresh_forgedTokensAreToldFromSpentOnes(t *testing.T) {
	t.Parallel()
	r := refresher(t, secretA)
	made := newRefresh(t, r)
	raw, err := base64.RawURLEncoding.DecodeString(made.Token())
	require.NoError(t, err)
	for n := range raw {
		forged := bytes.Clone(raw)
		forged[n] ^= 1
		_, err := r.Parse(base64.RawURLEncoding.EncodeToString(forged))
		require.ErrorIs(t, err, token.ErrInvalid, "byte %d", n)
	}
	for n := range len(made.Token()) {
		_, err := r.Parse(made.Token()[:n])
		require.ErrorIs(t, err, token.ErrInvalid)
	}
	for _, text := range []string{
		"", made.Token() + "=", made.Token() + "A", strings.Repeat("A", 86), strings.Repeat("A", 1<<20), strings.Repeat("!", 86),
		strings.Repeat("\n", 86), made.Token()[:85] + "\n", made.Token() + "\n",
		made.Token()[:85] + string(made.Token()[85]+1), // the same bytes in another spelling
	} {
		_, err := r.Parse(text)
		require.ErrorIs(t, err, token.ErrInvalid)
		require.Equal(t, "token is invalid", err.Error())
	}
	_, err = refresher(t, secretB).Parse(made.Token())
	require.ErrorIs(t, err, token.ErrInvalid, "made with another secret")

	// A spent token still reads well: that it isn't the current one is what gives the thief away.
	current := r.Next(made, nonce(t, r))
	spent, err := r.Parse(made.Token())
	require.NoError(t, err)
	require.False(t, spent.Is(current.Hash[:]))
}

func TestRefresh_nextIsTheSameForARepeatAlone(t *testing.T) {
	t.Parallel()
	r := refresher(t, secretA)
	first := newRefresh(t, r)
	n := nonce(t, r)
	second := r.Next(first, n)
	require.Equal(t, first.SessionID, second.SessionID)
	require.NotEqual(t, first.Hash, second.Hash)

	presented, err := r.Parse(first.Token())
	require.NoError(t, err)
	again, ok := r.Repeat(presented, n, second.Hash[:])
	require.True(t, ok)
	require.Equal(t, second, again)

	read, err := r.Parse(second.Token())
	require.NoError(t, err)
	require.Equal(t, second, read)
	third := r.Next(read, nonce(t, r))
	require.NotEqual(t, second.Hash, third.Hash)

	_, ok = r.Repeat(presented, n, third.Hash[:])
	require.False(t, ok, "the session has moved on")
	_, ok = r.Repeat(presented, nonce(t, r), second.Hash[:])
	require.False(t, ok, "another nonce")
	_, ok = refresher(t, secretB).Repeat(presented, n, second.Hash[:])
	require.False(t, ok, "another secret")
	_, ok = r.Repeat(newRefresh(t, r), n, second.Hash[:])
	require.False(t, ok, "another token")
	otherSession := newRefresh(t, r)
	require.NotEqual(t, second.Hash, r.Next(otherSession, n).Hash)
}

func TestRefresh_repeatAcrossAChangeOfTheSecret(t *testing.T) {
	t.Parallel()
	before, during := refresher(t, secretA), refresher(t, secretB, secretA)
	first := newRefresh(t, before)
	n := nonce(t, before)
	second := before.Next(first, n)

	presented, err := during.Parse(first.Token())
	require.NoError(t, err)
	again, ok := during.Repeat(presented, n, second.Hash[:])
	require.True(t, ok)
	require.Equal(t, second.Token(), again.Token(), "the two tabs hold the very same token")
	require.NotEqual(t, second.Token(), during.Next(presented, n).Token(), "a fresh rotation uses the new secret")

	third := during.Next(again, nonce(t, during))
	_, err = refresher(t, secretB).Parse(third.Token())
	require.NoError(t, err)
}

func TestRefresh_isNotPrinted(t *testing.T) {
	t.Parallel()
	made := newRefresh(t, refresher(t, secretA))
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		_, _ = fmt.Fprintf(&out, verb+" ", made)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("refreshed", "token", made)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("refreshed", "token", made)
	require.NoError(t, json.NewEncoder(&out).Encode(made))
	raw, err := base64.RawURLEncoding.DecodeString(made.Token())
	require.NoError(t, err)
	require.NotContains(t, out.String(), made.Token())
	require.NotContains(t, out.String(), fmt.Sprintf("%x", raw[16:48]))
	require.NotContains(t, out.String(), made.Token()[30:60])
}

func TestRefresh_failsWithoutRandomness(t *testing.T) {
	t.Parallel()
	r := token.NewRefresher(ring(t, secretA), strings.NewReader("short"))
	_, err := r.New(uuid.New())
	require.Error(t, err)
	_, err = r.Nonce()
	require.Error(t, err)
}

func BenchmarkRefresh_parse(b *testing.B) {
	r := refresher(b, secretA)
	text := newRefresh(b, r).Token()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = r.Parse(text)
	}
}
