package auth

import (
	"crypto/subtle"
	"fmt"
	"io"
	"time"

	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"github.com/mugshot-studio/backend/internal/auth/token"
)

// What authenticator apps expect (RFC 6238, and Google's key URI format): SHA-1, six digits, steps of 30 seconds.
const (
	totpStep = 30 * time.Second
	// totpSkew is how many steps a code may be early or late, since clocks differ and people type (RFC 6238, 5.2).
	totpSkew       = 1
	totpSecretSize = 20 // bytes, as RFC 4226, section 4, recommends
)

// newTOTP draws a secret, as base32 text, and the address that an app reads as a QR code.
func newTOTP(random io.Reader, issuer, account string) (secret, url string, err error) {
	key, err := totp.Generate(totp.GenerateOpts{
		Issuer: issuer, AccountName: account, SecretSize: totpSecretSize, Rand: random,
	})
	if err != nil {
		return "", "", fmt.Errorf("make TOTP secret: %w", err)
	}
	return key.Secret(), key.URL(), nil
}

// matchTOTP returns the time step that a code belongs to, however it was typed, if it is that of now or of a neighbour.
func matchTOTP(secret, code string, now time.Time) (step int64, ok bool, err error) {
	code = token.Typed(code)
	current := now.Unix() / int64(totpStep/time.Second)
	for candidate := current - totpSkew; candidate <= current+totpSkew; candidate++ {
		expected, err := hotp.GenerateCode(secret, uint64(candidate))
		if err != nil {
			return 0, false, fmt.Errorf("compute TOTP code: %w", err)
		}
		if subtle.ConstantTimeCompare([]byte(expected), []byte(code)) == 1 {
			step, ok = candidate, true
		}
	}
	return step, ok, nil
}
