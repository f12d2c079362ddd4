package token_test

import (
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwt"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/auth/token"
)

// clock is a clock that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 21, 14, 2, 0, time.UTC)} }

func config() token.IssuerConfig {
	return token.IssuerConfig{
		Issuer: "https://api.example.com", Audience: "mugshot", TTL: 15 * time.Minute, Leeway: token.DefaultLeeway,
	}
}

func issuer(t testing.TB, r *token.Keyring, c *clock) *token.Issuer {
	t.Helper()
	i, err := token.NewIssuer(r, config(), c.Now, rand.Reader)
	require.NoError(t, err)
	return i
}

func someone() token.Claims { return token.Claims{UserID: uuid.New(), SessionID: uuid.New()} }

func issue(t testing.TB, i *token.Issuer, claims token.Claims) string {
	t.Helper()
	text, expiresIn, err := i.Issue(claims)
	require.NoError(t, err)
	require.Equal(t, 15*time.Minute, expiresIn)
	return text
}

func requireInvalid(t testing.TB, i *token.Issuer, text, why string) {
	t.Helper()
	claims, err := i.Verify(text)
	require.ErrorIs(t, err, token.ErrInvalid, why)
	require.Equal(t, "token is invalid", err.Error(), why)
	require.Zero(t, claims, why)
}

func TestIssue_andVerify(t *testing.T) {
	t.Parallel()
	i, who := issuer(t, ring(t, secretA), newClock()), someone()
	text := issue(t, i, who)
	require.Less(t, len(text), 512)
	got, err := i.Verify(text)
	require.NoError(t, err)
	require.Equal(t, who, got)

	parsed, err := jwt.ParseInsecure([]byte(text))
	require.NoError(t, err)
	require.Equal(t, "https://api.example.com", parsed.Issuer())
	require.Equal(t, []string{"mugshot"}, parsed.Audience())
	require.Equal(t, who.UserID.String(), parsed.Subject())
	require.Equal(t, who.SessionID.String(), parsed.PrivateClaims()["sid"])
	require.NotEmpty(t, parsed.JwtID())
	require.Equal(t, newClock().Now(), parsed.IssuedAt())
	require.Equal(t, newClock().Now(), parsed.NotBefore())
	require.Equal(t, newClock().Now().Add(15*time.Minute), parsed.Expiration())
	require.NotEqual(t, text, issue(t, i, who), "every token has its own jti")
}

// The race detector is the judge here: the library writes to the headers that it is given.
func TestIssue_sideBySide(t *testing.T) {
	t.Parallel()
	i := issuer(t, ring(t, secretA), newClock())
	var issuing sync.WaitGroup
	for range 50 {
		issuing.Go(func() {
			signed, _, err := i.Issue(token.Claims{UserID: uuid.New(), SessionID: uuid.New()})
			if err == nil {
				_, err = i.Verify(signed)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	issuing.Wait()
}

func TestVerify_timesWithLeeway(t *testing.T) {
	t.Parallel()
	c := newClock()
	i := issuer(t, ring(t, secretA), c)
	text := issue(t, i, someone())
	good := func(why string) {
		t.Helper()
		_, err := i.Verify(text)
		require.NoError(t, err, why)
	}
	c.Advance(-30 * time.Second)
	good("not yet valid, within the leeway")
	c.Advance(-time.Second)
	requireInvalid(t, i, text, "not yet valid")
	c.Advance(31*time.Second + 15*time.Minute)
	good("expired, within the leeway")
	c.Advance(29 * time.Second)
	good("expired, within the leeway")
	c.Advance(time.Second)
	requireInvalid(t, i, text, "expired")
}

// A good token is remembered, which must not help one that is almost the same.
func TestVerify_anotherTokenThanTheOneRemembered(t *testing.T) {
	t.Parallel()
	i := issuer(t, ring(t, secretA), newClock())
	good := issue(t, i, someone())
	_, err := i.Verify(good)
	require.NoError(t, err)
	for at := range good {
		other := []byte(good)
		other[at] ^= 1
		requireInvalid(t, i, string(other), "another byte")
		requireInvalid(t, i, good[:at], "cut short")
	}
	requireInvalid(t, i, good+"A", "longer")
	_, err = i.Verify(good)
	require.NoError(t, err)
}

func TestVerify_secretRotation(t *testing.T) {
	t.Parallel()
	c, who := newClock(), someone()
	before, during, after := ring(t, secretA), ring(t, secretB, secretA), ring(t, secretB)
	old := issue(t, issuer(t, before, c), who)
	fresh := issue(t, issuer(t, during, c), who)
	for _, text := range []string{old, fresh} {
		got, err := issuer(t, during, c).Verify(text)
		require.NoError(t, err)
		require.Equal(t, who, got)
	}
	_, err := issuer(t, after, c).Verify(fresh)
	require.NoError(t, err)
	requireInvalid(t, issuer(t, after, c), old, "the old secret is gone")
	requireInvalid(t, issuer(t, before, c), fresh, "the new secret is not known yet")
}

func TestVerify_otherIssuerOrAudience(t *testing.T) {
	t.Parallel()
	c := newClock()
	for _, change := range []func(*token.IssuerConfig){
		func(cfg *token.IssuerConfig) { cfg.Issuer = "https://staging.example.com" },
		func(cfg *token.IssuerConfig) { cfg.Audience = "somebody-else" },
	} {
		cfg := config()
		change(&cfg)
		other, err := token.NewIssuer(ring(t, secretA), cfg, c.Now, rand.Reader)
		require.NoError(t, err)
		text, _, err := other.Issue(someone())
		require.NoError(t, err)
		requireInvalid(t, issuer(t, ring(t, secretA), c), text, "issued elsewhere with the same key")
	}
}

func TestNewIssuer_refusesAnIncompleteConfiguration(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*token.IssuerConfig){
		func(cfg *token.IssuerConfig) { cfg.Issuer = "" },
		func(cfg *token.IssuerConfig) { cfg.Audience = "" },
		func(cfg *token.IssuerConfig) { cfg.TTL = 0 },
		func(cfg *token.IssuerConfig) { cfg.Leeway = -time.Second },
	} {
		cfg := config()
		change(&cfg)
		_, err := token.NewIssuer(ring(t, secretA), cfg, newClock().Now, rand.Reader)
		require.Error(t, err)
	}
}

func TestIssue_failsWithoutRandomness(t *testing.T) {
	t.Parallel()
	i, err := token.NewIssuer(ring(t, secretA), config(), newClock().Now, strings.NewReader("short"))
	require.NoError(t, err)
	text, _, err := i.Issue(someone())
	require.Error(t, err)
	require.Empty(t, text)
}

func BenchmarkIssue(b *testing.B) {
	i, who := issuer(b, ring(b, secretA), newClock()), someone()
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = i.Issue(who)
	}
}

func BenchmarkVerify(b *testing.B) {
	i := issuer(b, ring(b, secretB, secretA), newClock())
	text := issue(b, i, someone())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.Verify(text); err != nil {
			b.Fatal(err)
		}
	}
}

// The way that the library offers for everybody, to compare with.
func BenchmarkVerify_genericJwtParse(b *testing.B) {
	r := ring(b, secretA)
	text, key := []byte(issue(b, issuer(b, r, newClock()), someone())), r.Derive(token.AccessTokens)[0]
	now := jwt.ClockFunc(newClock().Now)
	b.ReportAllocs()
	for b.Loop() {
		_, err := jwt.Parse(text, jwt.WithKey(jwa.HS256, key), jwt.WithValidate(true), jwt.WithClock(now),
			jwt.WithIssuer("https://api.example.com"), jwt.WithAudience("mugshot"))
		if err != nil {
			b.Fatal(err)
		}
	}
}
