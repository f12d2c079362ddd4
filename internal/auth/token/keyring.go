// Package token mints and checks everything that stands for an account's consent without its password: access tokens,
// refresh tokens, one-time codes, reset tokens and CSRF tokens. It holds keys and no state; what is spent, revoked or
// expired is written in the rows of its callers.
//
// Every key comes from JWT_SECRET through a Keyring, one for each Purpose. To change the secret without ending any
// session, first deploy with the new one in JWT_SECRET_PREVIOUS, so that all processes accept it, then swap the two, and
// take the old one out when the longest-lived token has expired.
package token

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
)

// Purpose is what a derived key is for. Keys of two purposes have nothing to do with each other, so that an oracle for
// one is of no use against another.
type Purpose string

// The purposes. A changed string is a changed key.
const (
	AccessTokens  Purpose = "access tokens"   // HS256 signatures
	RefreshTokens Purpose = "refresh tokens"  // MACs and successors
	Codes         Purpose = "one-time codes"  // hashes at rest
	CSRF          Purpose = "csrf tokens"     // MACs
	StorageURLs   Purpose = "storage urls"    // signatures of the development bucket
	SecondFactors Purpose = "second factors"  // encryption at rest of TOTP secrets
	RateLimitKeys Purpose = "rate-limit keys" // names in Redis
	Cursors       Purpose = "cursors"         // MACs of the positions in lists
	BonusClaims   Purpose = "bonus claims"    // hashes at rest of addresses that had the sign-up bonus
)

// KeySize is the length of every derived key in bytes, the least that HS256 may use (RFC 7518, section 3.2).
const KeySize = sha256.Size

// Keyring derives keys from the current secret and from those before it.
type Keyring struct {
	secrets []string
}

// NewKeyring returns the ring of current, which makes everything new, and previous, newest first, which are still
// accepted; empty previous ones are left out. It fails when current is empty; whether it is long enough is the
// configuration's question.
func NewKeyring(current string, previous ...string) (*Keyring, error) {
	if current == "" {
		return nil, errors.New("the secret to derive keys from is empty")
	}
	ring := &Keyring{secrets: []string{current}}
	for _, secret := range previous {
		if secret != "" {
			ring.secrets = append(ring.secrets, secret)
		}
	}
	return ring, nil
}

// Derive returns the keys for a purpose, KeySize bytes each, the current one first and never none. It is HKDF-SHA256
// (RFC 5869) with the purpose as info and no salt, which the RFC allows for a secret that is uniform already.
func (r *Keyring) Derive(purpose Purpose) [][]byte {
	keys := make([][]byte, 0, len(r.secrets))
	for _, secret := range r.secrets {
		key, err := hkdf.Key(sha256.New, []byte(secret), nil, "mugshot/v1/"+string(purpose), KeySize)
		if err != nil { // only for a length over 255 hashes, or in FIPS mode a secret under 112 bits
			panic(fmt.Sprintf("derive key for %s: %v", purpose, err))
		}
		keys = append(keys, key)
	}
	return keys
}

// String keeps the secrets out of logs.
func (r *Keyring) String() string { return fmt.Sprintf("keyring of %d", len(r.secrets)) }

// GoString keeps the secrets out of logs.
func (r *Keyring) GoString() string { return r.String() }

// mac is HMAC-SHA256 over the parts, which callers keep of fixed length or delimited.
func mac(key []byte, parts ...[]byte) []byte {
	h := hmac.New(sha256.New, key)
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}
