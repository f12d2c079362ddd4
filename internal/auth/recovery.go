package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/auth/token"
)

const (
	recoveryCodes = 10
	// recoveryBytes are 120 random bits, 24 characters: from 112 on a fast hash will do (OWASP ASVS 5.0, 6.5.2).
	recoveryBytes = 15
)

// crockford are the digits of Crockford's base32, which has no letters that look like digits
// (https://www.crockford.com/base32.html).
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// newRecoveryCodes draws codes of the form XXXXXX-XXXXXX-XXXXXX-XXXXXX.
func newRecoveryCodes(random io.Reader) ([]string, error) {
	encoding := base32.NewEncoding(crockford).WithPadding(base32.NoPadding)
	codes := make([]string, recoveryCodes)
	for i := range codes {
		var raw [recoveryBytes]byte
		if _, err := io.ReadFull(random, raw[:]); err != nil {
			return nil, fmt.Errorf("draw recovery code: %w", err)
		}
		text := encoding.EncodeToString(raw[:])
		codes[i] = strings.Join([]string{text[:6], text[6:12], text[12:18], text[18:]}, "-")
	}
	return codes, nil
}

// hashRecoveryCode returns what is stored for a code, however it was typed. The key is the TOTP secret beside it, which
// is stored encrypted: so the table alone can't be searched, and a change of JWT_SECRET, which seals that secret anew,
// doesn't spoil the codes.
func hashRecoveryCode(secret []byte, userID uuid.UUID, code string) []byte {
	typed := strings.NewReplacer("O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(token.Typed(code)))
	h := hmac.New(sha256.New, secret)
	h.Write([]byte("recovery code\x00"))
	h.Write(userID[:])
	h.Write([]byte(typed))
	return h.Sum(nil)
}
