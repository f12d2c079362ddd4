package token_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth/token"
)

// forge signs whatever a test wants, with the real key unless another is given.
type forge struct {
	t   *testing.T
	key []byte
	kid string
}

func newForge(t *testing.T, i *token.Issuer) forge {
	t.Helper()
	message, err := jws.Parse([]byte(issue(t, i, someone())))
	require.NoError(t, err)
	return forge{t, ring(t, secretA).Derive(token.AccessTokens)[0], message.Signatures()[0].ProtectedHeaders().KeyID()}
}

func (f forge) sign(alg jwa.SignatureAlgorithm, key any, header map[string]any, payload []byte) string {
	f.t.Helper()
	headers := jws.NewHeaders()
	for name, value := range header {
		require.NoError(f.t, headers.Set(name, value))
	}
	signed, err := jws.Sign(payload, jws.WithKey(alg, key, jws.WithProtectedHeaders(headers)))
	require.NoError(f.t, err)
	return string(signed)
}

func (f forge) header() map[string]any { return map[string]any{"typ": "JWT", "kid": f.kid} }

func (f forge) claims() map[string]any {
	now := newClock().Now().Unix()
	return map[string]any{
		"iss": "https://api.example.com", "aud": "mugshot", "sub": uuid.NewString(), "sid": uuid.NewString(),
		"jti": uuid.NewString(), "iat": now, "nbf": now, "exp": now + 900,
	}
}

func (f forge) payload(claims map[string]any) []byte {
	f.t.Helper()
	raw, err := json.Marshal(claims)
	require.NoError(f.t, err)
	return raw
}

func TestVerify_forgedHeaders(t *testing.T) {
	t.Parallel()
	i := issuer(t, ring(t, secretA), newClock())
	f := newForge(t, i)
	payload := f.payload(f.claims())

	_, err := i.Verify(f.sign(jwa.HS256, f.key, f.header(), payload))
	require.NoError(t, err, "the forge itself works")

	requireInvalid(t, i, f.sign(jwa.HS256, []byte("another key of thirty-two bytes!"), f.header(), payload), "other key")
	requireInvalid(t, i, f.sign(jwa.HS256, []byte(secretA), f.header(), payload), "JWT_SECRET itself is no key")
	requireInvalid(t, i, f.sign(jwa.HS512, f.key, f.header(), payload), "HS512")
	requireInvalid(t, i, f.sign(jwa.HS256, f.key, map[string]any{"typ": "JWT"}, payload), "no kid")
	for name, value := range map[string]any{
		"typ": "at+jwt", "kid": "../../dev/null", "cty": "JWT", "jku": "https://evil.example/keys", "crit": []string{"b64"},
	} {
		header := f.header()
		header[name] = value
		requireInvalid(t, i, f.sign(jwa.HS256, f.key, header, payload), name)
	}

	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	requireInvalid(t, i, f.sign(jwa.RS256, rsaKey, f.header(), payload), "RS256")

	// alg none, and a header that says RS256 over a good HS256 signature: by hand, since no library writes them.
	segment := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	_, body, ok := strings.Cut(f.sign(jwa.HS256, f.key, f.header(), payload), ".")
	require.True(t, ok)
	body, sum, ok := strings.Cut(body, ".")
	require.True(t, ok)
	for _, alg := range []string{"none", "None", "NONE", "nOnE", "RS256", "hs256", ""} {
		head := segment(`{"alg":"` + alg + `","kid":"` + f.kid + `","typ":"JWT"}`)
		requireInvalid(t, i, head+"."+body+".", alg)
		requireInvalid(t, i, head+"."+body+"."+sum, alg)
	}
	twice := segment(`{"alg":"HS256","alg":"none","kid":"` + f.kid + `","typ":"JWT"}`)
	requireInvalid(t, i, twice+"."+body+"."+sum, "two algorithms")
	requireInvalid(t, i, segment(`{"alg":"HS256", "kid":"`+f.kid+`","typ":"JWT"}`)+"."+body+"."+sum, "other bytes")
}

func TestVerify_badClaimsUnderAGoodSignature(t *testing.T) {
	t.Parallel()
	i := issuer(t, ring(t, secretA), newClock())
	f := newForge(t, i)
	sign := func(payload []byte) string { return f.sign(jwa.HS256, f.key, f.header(), payload) }

	for name := range f.claims() {
		claims := f.claims()
		delete(claims, name)
		requireInvalid(t, i, sign(f.payload(claims)), "without "+name)
		for _, bad := range []any{nil, "", 0, true, []string{}, map[string]any{"sub": "x"}, "0", -1.5} {
			claims := f.claims()
			claims[name] = bad
			requireInvalid(t, i, sign(f.payload(claims)), name)
		}
	}

	claims := f.claims()
	claims["aud"] = []string{"mugshot", "somebody-else"}
	requireInvalid(t, i, sign(f.payload(claims)), "an audience of several")

	inner := sign(f.payload(f.claims()))
	requireInvalid(t, i, sign([]byte(inner)), "a token within a token")
	requireInvalid(t, i, sign([]byte(`"`+inner+`"`)), "a token within a token")
	for _, payload := range []string{"", "null", "[]", "{}", "x", `{"sub":`, "\x00"} {
		requireInvalid(t, i, sign([]byte(payload)), payload)
	}

	claims = f.claims()
	maps.Copy(claims, map[string]any{"scope": "later", "cnf": map[string]any{"jkt": "x"}})
	_, err := i.Verify(sign(f.payload(claims)))
	require.NoError(t, err, "claims of a newer version are ignored")
}

func TestVerify_mangledTokens(t *testing.T) {
	t.Parallel()
	i := issuer(t, ring(t, secretA), newClock())
	text := issue(t, i, someone())
	for n := range len(text) {
		requireInvalid(t, i, text[:n], "truncated")
	}
	for n := range len(text) {
		flipped := []byte(text)
		flipped[n] ^= 1
		requireInvalid(t, i, string(flipped), "one bit flipped")
	}
	parts := strings.Split(text, ".")
	for _, mangled := range []string{
		"", ".", "..", "...", text + ".", "." + text, text + "." + parts[2], text + "=", text + " ", " " + text,
		text + "\n", strings.ReplaceAll(text, ".", ".."), parts[0] + "." + parts[1] + ".", parts[0] + ".." + parts[2],
		"Bearer " + text, strings.ToUpper(text), "\xff\xfe" + text,
	} {
		requireInvalid(t, i, mangled, mangled)
	}
}

func TestVerify_oversizedTokensAreNotLookedAt(t *testing.T) { //nolint:paralleltest // AllocsPerRun forbids it
	i := issuer(t, ring(t, secretA), newClock())
	f := newForge(t, i)
	claims := f.claims()
	claims["pad"] = strings.Repeat("x", 4096)
	requireInvalid(t, i, f.sign(jwa.HS256, f.key, f.header(), f.payload(claims)), "over 4 kB, well signed")

	megabyte := issue(t, i, someone()) + strings.Repeat("A", 1<<20)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = i.Verify(megabyte) }))
	requireInvalid(t, i, megabyte, "a megabyte")
	requireInvalid(t, i, strings.Repeat(".", 1<<20), "a megabyte of dots")
}
