package auth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/auth/token"
)

// errSealed says that a secret in the database can't be opened: the key that sealed it is no longer configured, or the
// row was tampered with.
var errSealed = errors.New("sealed secret can't be opened")

// Vault encrypts secrets that have to be read again, with AES-256-GCM (NIST SP 800-38D). What it seals is bound to its
// account, so that a row is of no use beside another. It is safe for concurrent use if random is.
type Vault struct {
	keys   []vaultKey
	random io.Reader
}

type vaultKey struct {
	id   []byte // 8 bytes that tell keys apart
	aead cipher.AEAD
}

// NewVault returns a vault that seals with the current key of ring and opens what any of them sealed.
func NewVault(ring *token.Keyring, random io.Reader) (*Vault, error) {
	v := &Vault{random: random}
	for _, key := range ring.Derive(token.SecondFactors) {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("make cipher: %w", err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, fmt.Errorf("make GCM: %w", err)
		}
		digest := sha256.Sum256(key)
		v.keys = append(v.keys, vaultKey{id: digest[:8], aead: aead})
	}
	return v, nil
}

// currentKey names the key that seal uses.
func (v *Vault) currentKey() []byte { return v.keys[0].id }

// seal returns the nonce and the ciphertext of a secret of an account.
func (v *Vault) seal(userID uuid.UUID, secret []byte) ([]byte, error) {
	aead := v.keys[0].aead
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(secret)+aead.Overhead())
	if _, err := io.ReadFull(v.random, nonce); err != nil {
		return nil, fmt.Errorf("draw nonce: %w", err)
	}
	return aead.Seal(nonce, nonce, secret, userID[:]), nil
}

// open returns the secret of an account that the key with an id sealed.
func (v *Vault) open(userID uuid.UUID, keyID, sealed []byte) ([]byte, error) {
	for _, key := range v.keys {
		if !bytes.Equal(key.id, keyID) || len(sealed) < key.aead.NonceSize() {
			continue
		}
		nonce, ciphertext := sealed[:key.aead.NonceSize()], sealed[key.aead.NonceSize():]
		secret, err := key.aead.Open(nil, nonce, ciphertext, userID[:])
		if err != nil {
			return nil, errSealed
		}
		return secret, nil
	}
	return nil, errSealed
}
