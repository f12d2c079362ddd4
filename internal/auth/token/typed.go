package token

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

const minus = '\u2212'

// Typed returns a code as it was meant, however it was typed or pasted: full-width digits and letters become plain ones, and
// white space, dashes and invisible characters go.
func Typed(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.In(r, unicode.Pd, unicode.Cf, unicode.Cc) || r == minus {
			return -1
		}
		return r
	}, norm.NFKC.String(code))
}
