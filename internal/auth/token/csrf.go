package token

import (
	"crypto/hmac"
	"fmt"
	"io"

	"github.com/google/uuid"
)

const (
	csrfRandom = 16
	csrfSize   = csrfRandom + 16
)

// CSRFTokens makes and checks the tokens of the signed double submit that OWASP's CSRF Prevention Cheat Sheet
// recommends: the token comes back in a header beside its cookie, and is bound to the session, so that an attacker
// who can set cookies from a sister domain can't bring a pair of their own.
type CSRFTokens struct {
	keys   [][]byte
	random io.Reader
}

// NewCSRFTokens returns a CSRFTokens that makes tokens with the current key of ring and accepts those of all.
func NewCSRFTokens(ring *Keyring, random io.Reader) *CSRFTokens {
	return &CSRFTokens{keys: ring.Derive(CSRF), random: random}
}

// New returns a token for a session, 43 URL-safe characters, for the cookie that scripts may read.
func (g *CSRFTokens) New(sessionID uuid.UUID) (string, error) {
	raw := make([]byte, csrfRandom, csrfSize)
	if _, err := io.ReadFull(g.random, raw); err != nil {
		return "", fmt.Errorf("draw CSRF token: %w", err)
	}
	return encode(append(raw, sealCSRF(g.keys[0], sessionID, raw)...)), nil
}

// Valid reports, in constant time, whether header repeats cookie and both are a token of this session.
func (g *CSRFTokens) Valid(sessionID uuid.UUID, cookie, header string) bool {
	raw, ok := decode(header, csrfSize)
	if !ok || !hmac.Equal([]byte(cookie), []byte(header)) {
		return false
	}
	for _, key := range g.keys {
		if hmac.Equal(raw[csrfRandom:], sealCSRF(key, sessionID, raw[:csrfRandom])) {
			return true
		}
	}
	return false
}

func sealCSRF(key []byte, sessionID uuid.UUID, random []byte) []byte {
	return mac(key, sessionID[:], random)[:csrfSize-csrfRandom]
}
