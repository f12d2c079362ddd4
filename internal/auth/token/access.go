package token

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

// maxAccessToken is the longest access token that is looked at, in bytes. Ours have about 400.
const maxAccessToken = 4096

// ErrInvalid is the answer to every token that is not good, whatever is wrong with it: the difference would only help
// an attacker who forges one. It never contains the token.
var ErrInvalid = errors.New("token is invalid")

// Claims is what an access token says.
type Claims struct {
	UserID    uuid.UUID
	SessionID uuid.UUID
}

// IssuerConfig says whose access tokens an Issuer issues, and for how long.
type IssuerConfig struct {
	Issuer   string        // the iss claim
	Audience string        // the aud claim
	TTL      time.Duration // at least a second
	Leeway   time.Duration // how far the clocks of two processes may be apart; 0 or more
}

// DefaultLeeway is the clock difference that is forgiven where the configuration says nothing.
const DefaultLeeway = 30 * time.Second

// Issuer issues and verifies access tokens: JWTs (RFC 7519) signed with HS256. It is safe for concurrent use if random
// is.
type Issuer struct {
	cfg      IssuerConfig
	now      func() time.Time
	random   io.Reader
	keys     []signingKey
	verifier jws.Verifier
	good     *lru.Cache[string, verified]
}

// maxGood is how many verified tokens are remembered, at about 700 bytes each: those of the accounts that a process
// serves within some minutes.
const maxGood = 4096

// verified is a token whose signature and claims have been found good. Its times are looked at each time.
type verified struct {
	Claims

	notBefore, expires int64 // seconds since 1970
}

// signingKey is a key with the one header that a token signed with it has.
type signingKey struct {
	key     []byte
	id      string
	encoded []byte // as it stands in a compact token
}

// NewIssuer returns an Issuer that signs with the current key of ring and accepts all of them.
func NewIssuer(ring *Keyring, cfg IssuerConfig, now func() time.Time, random io.Reader) (*Issuer, error) {
	if cfg.Issuer == "" || cfg.Audience == "" || cfg.TTL < time.Second || cfg.Leeway < 0 {
		return nil, fmt.Errorf("access token configuration out of range: %+v", cfg)
	}
	verifier, err := jws.NewVerifier(jwa.HS256)
	if err != nil {
		return nil, fmt.Errorf("make HS256 verifier: %w", err)
	}
	good, err := lru.New[string, verified](maxGood)
	if err != nil {
		return nil, fmt.Errorf("make memory of tokens: %w", err)
	}
	issuer := &Issuer{cfg: cfg, now: now, random: random, verifier: verifier, good: good}
	for _, key := range ring.Derive(AccessTokens) {
		signing, err := newSigningKey(key)
		if err != nil {
			return nil, err
		}
		issuer.keys = append(issuer.keys, signing)
	}
	return issuer, nil
}

func newSigningKey(key []byte) (signingKey, error) {
	digest := sha256.Sum256(key)
	k := signingKey{key: key, id: encode(digest[:6])}
	sample, err := k.sign([]byte("{}"))
	if err != nil {
		return signingKey{}, err
	}
	k.encoded, _, _, err = jws.SplitCompact(sample)
	return k, err
}

// sign makes headers for each token, because jws.Sign writes to them and tokens are issued side by side.
func (k signingKey) sign(payload []byte) ([]byte, error) {
	headers := jws.NewHeaders()
	for name, value := range map[string]string{jws.TypeKey: "JWT", jws.KeyIDKey: k.id} {
		if err := headers.Set(name, value); err != nil {
			return nil, fmt.Errorf("set JWT header %s: %w", name, err)
		}
	}
	signed, err := jws.Sign(payload, jws.WithKey(jwa.HS256, k.key, jws.WithProtectedHeaders(headers)))
	if err != nil {
		return nil, fmt.Errorf("sign access token: %w", err)
	}
	return signed, nil
}

// Issue returns a new access token and how long it is good for.
func (i *Issuer) Issue(claims Claims) (token string, expiresIn time.Duration, err error) {
	id, err := uuid.NewRandomFromReader(i.random)
	if err != nil {
		return "", 0, fmt.Errorf("draw token id: %w", err)
	}
	now := i.now()
	encoded, err := json.Marshal(payload{
		Issuer: i.cfg.Issuer, Audience: i.cfg.Audience,
		Subject: claims.UserID, SessionID: claims.SessionID, ID: id,
		IssuedAt: now.Unix(), NotBefore: now.Unix(), Expires: now.Add(i.cfg.TTL).Unix(),
	})
	if err != nil {
		return "", 0, fmt.Errorf("encode claims: %w", err)
	}
	signed, err := i.keys[0].sign(encoded)
	return string(signed), i.cfg.TTL, err
}

// Verify returns the claims of a good access token, and ErrInvalid for anything else. That its session still lives is
// for the caller to look up. The tokens that came last are remembered by all of their bytes, since one comes many times.
func (i *Issuer) Verify(token string) (Claims, error) {
	if len(token) > maxAccessToken {
		return Claims{}, ErrInvalid
	}
	known, ok := i.good.Get(token)
	if !ok {
		var err error
		if known, err = i.read(token); err != nil {
			return Claims{}, ErrInvalid
		}
	}
	now, leeway := i.now().Unix(), int64(i.cfg.Leeway/time.Second)
	if known.notBefore > now+leeway || known.expires <= now-leeway {
		return Claims{}, ErrInvalid
	}
	if !ok {
		i.good.Add(strings.Clone(token), known)
	}
	return known.Claims, nil
}

// read checks all of a token but its times.
//
// The header is not parsed but compared: it has to be, byte for byte, the one that Issue writes for one of our keys. That
// leaves no algorithm, key or type to be talked into (RFC 8725, sections 3.1, 3.2, 3.11), and no JSON of a stranger's
// to decode, since claims are only read once the signature holds.
func (i *Issuer) read(token string) (verified, error) {
	raw := []byte(token)
	header, payload, signature, err := jws.SplitCompact(raw)
	if err != nil {
		return verified{}, ErrInvalid
	}
	key := i.keyOf(header)
	if key == nil {
		return verified{}, ErrInvalid
	}
	sum, ok := decode(string(signature), sha256.Size)
	if !ok {
		return verified{}, ErrInvalid
	}
	if err := i.verifier.Verify(raw[:len(header)+1+len(payload)], sum, key); err != nil {
		return verified{}, ErrInvalid
	}
	return i.claims(payload)
}

func (i *Issuer) keyOf(header []byte) []byte {
	for _, k := range i.keys {
		if bytes.Equal(k.encoded, header) {
			return k.key
		}
	}
	return nil
}

// claims reads a payload whose signature holds.
func (i *Issuer) claims(encoded []byte) (verified, error) {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(string(encoded))
	if err != nil {
		return verified{}, ErrInvalid
	}
	var c payload
	if err := json.Unmarshal(decoded, &c); err != nil {
		return verified{}, ErrInvalid
	}
	switch {
	case c.Issuer != i.cfg.Issuer, c.Audience != i.cfg.Audience:
	case c.Subject == uuid.Nil, c.SessionID == uuid.Nil, c.ID == uuid.Nil:
	case c.IssuedAt == 0, c.NotBefore == 0:
	default:
		return verified{
			Claims: Claims{UserID: c.Subject, SessionID: c.SessionID}, notBefore: c.NotBefore, expires: c.Expires,
		}, nil
	}
	return verified{}, ErrInvalid
}
