package config

import (
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
)

// minSecretBits is the least that estimateBits says of a key. What `openssl rand -hex 32` prints has some 245.
const minSecretBits = 96

// signingKey is a setting that tokens are signed with.
type signingKey struct {
	name   string
	secret Secret
}

// signingKeys returns the secrets that tokens are accepted from: an old one that is weak is as good to a forger as a new one.
func (c Config) signingKeys() (keys []signingKey) {
	if c.JWTSecret != "" {
		keys = append(keys, signingKey{"JWT_SECRET", c.JWTSecret})
	}
	for i, previous := range c.JWTSecretPrevious {
		keys = append(keys, signingKey{fmt.Sprintf("JWT_SECRET_PREVIOUS (number %d)", i+1), previous})
	}
	return keys
}

// estimateBits is an upper bound of what an attacker has to guess of a secret, in bits: Shannon's entropy of its bytes, or of
// the steps from each to the next where that is less (abcdef… has one step), times the length of the shortest piece that it
// repeats. A random secret comes out a little under its true figure; words and keyboard rows come out too high.
func estimateBits(secret string) float64 {
	unit := []byte(secret[:period(secret)])
	steps := make([]byte, 0, len(unit))
	for i := 1; i < len(unit); i++ {
		steps = append(steps, unit[i]-unit[i-1])
	}
	return min(entropy(unit), entropy(steps)) * float64(len(unit))
}

// period returns the length of the shortest beginning of s that s repeats, the last time perhaps in part.
func period(s string) int {
	for n := 1; n < len(s); n++ {
		if strings.HasPrefix(s, s[n:]) {
			return n
		}
	}
	return len(s)
}

// entropy returns Shannon's entropy of the bytes, in bits a byte.
func entropy(bytes []byte) (bits float64) {
	var counts [256]int
	for _, b := range bytes {
		counts[b]++
	}
	for _, n := range counts {
		if n > 0 {
			share := float64(n) / float64(len(bytes))
			bits -= share * math.Log2(share)
		}
	}
	return bits
}

// hasDefaultPassword reports whether a URL has one of the passwords that images and tutorials come with.
func hasDefaultPassword(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return false
	}
	password, _ := u.User.Password()
	return slices.Contains([]string{
		"postgres", "password", "passw0rd", "secret", "changeme", "change-me", "admin", "root", "redis", "mugshot", "example", "your-password",
	}, strings.ToLower(password))
}

func isExampleSecret(secret string) bool {
	lower := strings.ToLower(secret)
	return strings.Contains(lower, "change-me") || strings.Contains(lower, "changeme") || strings.Contains(lower, "your-secret")
}
