package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"

	"github.com/google/uuid"
)

const (
	secretSize  = 32
	refreshMAC  = 16
	refreshSize = 16 + secretSize + refreshMAC
)

// NonceSize is the length in bytes of what a rotation stores beside the hash of the new token.
const NonceSize = 16

// Refresh is a refresh token: base64url(session id, 32 secret bytes, 16 bytes of MAC over both). The session's row
// holds only its Hash.
//
// The MAC tells a forged token from a spent one without a history of tokens: whatever has a good MAC was issued here, so
// that if its hash is not the session's current one, it has been used before, and two parties have it.
type Refresh struct {
	SessionID uuid.UUID
	Hash      [sha256.Size]byte

	secret [secretSize]byte
	text   string
}

// Token is the token as the client gets it: 86 characters, safe in URLs, headers and cookies.
func (r Refresh) Token() string { return r.text }

// Is reports, in constant time, whether the token has this hash.
func (r Refresh) Is(hash []byte) bool { return subtle.ConstantTimeCompare(r.Hash[:], hash) == 1 }

// Format keeps the token out of logs and errors, whatever the verb.
func (r Refresh) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "refresh token of session %s", r.SessionID)
}

// Refresher makes and reads refresh tokens. It is safe for concurrent use if random is.
type Refresher struct {
	keys   [][]byte
	random io.Reader
}

// NewRefresher returns a Refresher that makes tokens with the current key of ring and reads those of all.
func NewRefresher(ring *Keyring, random io.Reader) *Refresher {
	return &Refresher{keys: ring.Derive(RefreshTokens), random: random}
}

// New returns the first refresh token of a session.
func (r *Refresher) New(sessionID uuid.UUID) (Refresh, error) {
	var secret [secretSize]byte
	if _, err := io.ReadFull(r.random, secret[:]); err != nil {
		return Refresh{}, fmt.Errorf("draw refresh token: %w", err)
	}
	return assemble(r.keys[0], sessionID, secret), nil
}

// Parse reads a token that a client presents. It returns ErrInvalid for whatever was not issued here; the rest is either
// the session's current token or a spent one.
func (r *Refresher) Parse(text string) (Refresh, error) {
	raw, ok := decode(text, refreshSize)
	if !ok {
		return Refresh{}, ErrInvalid
	}
	sessionID, secret := uuid.UUID(raw[:16]), [secretSize]byte(raw[16:16+secretSize])
	for _, key := range r.keys {
		if hmac.Equal(raw[16+secretSize:], seal(key, sessionID, secret)) {
			return Refresh{SessionID: sessionID, Hash: hashRefresh(sessionID, secret), secret: secret, text: text}, nil
		}
	}
	return Refresh{}, ErrInvalid
}

// Nonce draws what a rotation stores beside the hash of the new token.
func (r *Refresher) Nonce() (nonce [NonceSize]byte, err error) {
	if _, err := io.ReadFull(r.random, nonce[:]); err != nil {
		return nonce, fmt.Errorf("draw refresh nonce: %w", err)
	}
	return nonce, nil
}

// Next returns the token that follows spent. It needs the key, the spent token and the nonce from the session's row, so
// that neither the database nor the key alone yields it, and yet the same three always yield the same token: a
// client that repeats its refresh, because the answer was lost or another tab was faster, can be answered anew.
func (r *Refresher) Next(spent Refresh, nonce [NonceSize]byte) Refresh {
	return next(r.keys[0], spent, nonce)
}

// Repeat returns the token that followed spent when its rotation stored nonce and the hash current. It differs from Next
// where the secret of the ring was changed in between. It reports false when no key leads to current, because the
// session has since moved on, or never came from spent.
func (r *Refresher) Repeat(spent Refresh, nonce [NonceSize]byte, current []byte) (Refresh, bool) {
	for _, key := range r.keys {
		if successor := next(key, spent, nonce); successor.Is(current) {
			return successor, true
		}
	}
	return Refresh{}, false
}

func next(key []byte, spent Refresh, nonce [NonceSize]byte) Refresh {
	secret := mac(key, []byte("next"), spent.SessionID[:], spent.secret[:], nonce[:])
	return assemble(key, spent.SessionID, [secretSize]byte(secret))
}

func assemble(key []byte, sessionID uuid.UUID, secret [secretSize]byte) Refresh {
	raw := make([]byte, 0, refreshSize)
	raw = append(raw, sessionID[:]...)
	raw = append(raw, secret[:]...)
	raw = append(raw, seal(key, sessionID, secret)...)
	return Refresh{
		SessionID: sessionID, Hash: hashRefresh(sessionID, secret),
		secret: secret, text: encode(raw),
	}
}

func seal(key []byte, sessionID uuid.UUID, secret [secretSize]byte) []byte {
	return mac(key, []byte("seal"), sessionID[:], secret[:])[:refreshMAC]
}

// hashRefresh needs no key and no salt: the secret has 256 bits.
func hashRefresh(sessionID uuid.UUID, secret [secretSize]byte) [sha256.Size]byte {
	return sha256.Sum256(append(secret[:], sessionID[:]...))
}
