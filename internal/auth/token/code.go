package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"math/big"

	"github.com/google/uuid"
)

// NewCode draws a one-time code: six digits, each of the million equally likely.
func NewCode(random io.Reader) (string, error) {
	n, err := rand.Int(random, big.NewInt(1_000_000))
	if err != nil {
		return "", fmt.Errorf("draw one-time code: %w", err)
	}
	return fmt.Sprintf("%06d", n), nil
}

// CodeHasher hashes one-time codes and recovery codes for the database. The hash is keyed, since a million codes are
// tried in a moment, and bound to account and purpose, since a row must not be of use beside another.
type CodeHasher struct {
	keys [][]byte
}

// NewCodeHasher returns a CodeHasher that hashes with the current key of ring and recognises hashes of all.
func NewCodeHasher(ring *Keyring) *CodeHasher { return &CodeHasher{keys: ring.Derive(Codes)} }

// Hash returns what to store for a code, 32 bytes. The purpose is a word that tells the uses of codes apart.
func (h *CodeHasher) Hash(userID uuid.UUID, purpose, code string) []byte {
	return hashCode(h.keys[0], userID, purpose, code)
}

// Match reports, in constant time, whether stored is the hash of code for this account and purpose.
func (h *CodeHasher) Match(stored []byte, userID uuid.UUID, purpose, code string) bool {
	match := 0
	for _, key := range h.keys {
		match |= subtle.ConstantTimeCompare(stored, hashCode(key, userID, purpose, code))
	}
	return match == 1
}

func hashCode(key []byte, userID uuid.UUID, purpose, code string) []byte {
	return mac(key, userID[:], []byte(purpose), []byte{0}, []byte(code))
}

// NewReset draws a password-reset token of 256 random bits, 43 URL-safe characters, and the hash to store for it.
func NewReset(random io.Reader) (token string, hash [sha256.Size]byte, err error) {
	var secret [secretSize]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return "", hash, fmt.Errorf("draw reset token: %w", err)
	}
	return encode(secret[:]), sha256.Sum256(secret[:]), nil
}

// HashReset returns the hash under which a presented reset token is stored if it was issued here, or ErrInvalid when it
// can't have been.
func HashReset(token string) (hash [sha256.Size]byte, err error) {
	secret, ok := decode(token, secretSize)
	if !ok {
		return hash, ErrInvalid
	}
	return sha256.Sum256(secret), nil
}
