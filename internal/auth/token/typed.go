package token

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Typed returns a code as it was meant, however it was typed or pasted: full-width digits and letters become plain ones, and
// all else, such as spaces, dashes and invisible characters, goes.
func Typed(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, norm.NFKC.String(code))
}
