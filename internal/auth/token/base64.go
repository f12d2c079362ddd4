package token

import "encoding/base64"

// encode is base64url without padding (RFC 4648, section 5).
func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// decode reads the one spelling of size bytes that encode writes. The decoder alone would skip line breaks, so that a
// text of the right length may hold too few bytes, and a token would have many spellings.
func decode(text string, size int) (raw []byte, ok bool) {
	if len(text) != base64.RawURLEncoding.EncodedLen(size) {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return raw, err == nil && len(raw) == size
}
