package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
)

const (
	recoveryCodes = 10
	recoveryBytes = 10 // 80 random bits, 16 characters
)

// recoveryEncoding is Crockford's base32, which has no letters that look like digits (https://www.crockford.com/base32.html).
var recoveryEncoding = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// newRecoveryCodes draws codes of the form XXXX-XXXX-XXXX-XXXX.
func newRecoveryCodes(random io.Reader) ([]string, error) {
	codes := make([]string, recoveryCodes)
	for i := range codes {
		var raw [recoveryBytes]byte
		if _, err := io.ReadFull(random, raw[:]); err != nil {
			return nil, fmt.Errorf("draw recovery code: %w", err)
		}
		text := recoveryEncoding.EncodeToString(raw[:])
		codes[i] = strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
	}
	return codes, nil
}

// hashRecoveryCode returns what is stored for a code, however it was typed. The key is the TOTP secret beside it, which
// is stored encrypted: so the table alone can't be searched, and a change of JWT_SECRET, which seals that secret anew,
// doesn't spoil the codes.
func hashRecoveryCode(secret []byte, userID uuid.UUID, code string) []byte {
	typed := strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(code))
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("recovery code\x00"))
	h.Write(userID[:])
	h.Write([]byte(typed))
	return h.Sum(nil)
}
