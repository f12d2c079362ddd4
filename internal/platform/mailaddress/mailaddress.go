// Package mailaddress tells which e-mail addresses can be mailed, and gives each mailbox one spelling.
package mailaddress

import (
	"errors"
	"strings"

	"golang.org/x/net/idna"
)

// The bounds of an address in bytes (RFC 5321, 4.5.3.1).
const (
	maxLocal   = 64
	maxAddress = 254
)

var errAddress = errors.New("not an address of the form local@domain")

// toASCII converts an internationalised name as programs look it up (RFC 5891, 5).
func toASCII(domain string) (string, error) {
	profile := idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.VerifyDNSLength(true),
		idna.BidiRule(), idna.CheckHyphens(true))
	return profile.ToASCII(domain) //nolint:wrapcheck // Normalize tells no more than that it is no address
}

// Normalize returns an address without the white space around it, with an internationalised domain in its ASCII form, so that
// both spellings are one address. An ASCII domain stays as it was typed. It fails for what no mail server takes: the local part is
// a dot-atom (RFC 5321, 4.1.2), without quotes, in ASCII; the domain has two labels at least.
func Normalize(typed string) (string, error) {
	typed = strings.TrimSpace(typed)
	at := strings.LastIndexByte(typed, '@')
	if at < 1 {
		return "", errAddress
	}
	local, domain := typed[:at], typed[at+1:]
	if len(local) > maxLocal || !isDotAtom(local) {
		return "", errAddress
	}
	ascii, err := toASCII(domain)
	if err != nil || !strings.Contains(ascii, ".") || strings.HasSuffix(ascii, ".") {
		return "", errAddress
	}
	if !isASCII(domain) {
		domain = ascii
	}
	address := local + "@" + domain
	if len(address) > maxAddress {
		return "", errAddress
	}
	return address, nil
}

// isDotAtom reports whether s is atoms with one dot between each two.
func isDotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtomText(r) }) {
			return false
		}
	}
	return true
}

// isAtomText is atext of RFC 5322, 3.2.3.
func isAtomText(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7f })
}
