package password

import (
	_ "embed"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// The bounds of a password in characters, that is code points after normalisation.
const (
	MinLength = 8
	MaxLength = 128
)

const (
	// maxBytes bounds what is normalised and hashed at all: MaxLength characters of four bytes.
	maxBytes = MaxLength * utf8.UTFMax

	// minPart is the shortest part of an e-mail address or username that a password must not contain. A rule against
	// shorter ones would forbid most passwords for "al@example.com".
	minPart = 3

	// minWord is the shortest word of the product's name or of a mail domain that a password must not contain: shorter ones
	// are parts of too many words.
	minWord = 4
)

// ownWord is the product's name, whatever a deployment calls itself.
const ownWord = "mugshot"

// common holds the most common passwords of MinLength or more characters, lower-case, sorted, one a line; common.md
// names its source and licence. It is searched as it lies, without an index in memory.
//
//go:embed common.txt
var common string

// Owner is what a stranger knows of the account that a password is for.
type Owner struct {
	Email    string
	Username string
	Product  string // the name of the product
}

// Check returns every rule that a new password breaks, none if it is good. field names the member of the
// request's body to blame. The codes are min_length, max_length, too_common, contains_email, contains_username and
// contains_product; the comparisons ignore case and typographic variants.
func Check(field, plain string, owner Owner) []apperr.Field {
	if len(plain) > maxBytes {
		return []apperr.Field{tooLong(field)}
	}
	plain = norm.NFC.String(plain)
	var broken []apperr.Field
	switch n := utf8.RuneCountInString(plain); {
	case n < MinLength:
		broken = append(broken, apperr.Body(field, "min_length", fmt.Sprintf("Use at least %d characters.", MinLength)))
	case n > MaxLength:
		broken = append(broken, tooLong(field))
	}
	folded := fold(plain)
	if isCommon(folded) {
		broken = append(broken, apperr.Body(field, "too_common",
			"This is one of the passwords that are tried first. Choose a less common one."))
	}
	if slices.ContainsFunc(partsOf(owner.Email), func(part string) bool { return contains(folded, part) }) {
		broken = append(broken, apperr.Body(field, "contains_email", "Leave your e-mail address out of the password."))
	}
	if contains(folded, fold(owner.Username)) {
		broken = append(broken, apperr.Body(field, "contains_username", "Leave your username out of the password."))
	}
	if slices.ContainsFunc(Words(owner.Product), func(word string) bool { return contains(folded, word) }) {
		broken = append(broken, apperr.Body(field, "contains_product", "Leave our name out of the password."))
	}
	return broken
}

// partsOf returns the words of an address, folded: the local part, with and without its tag, and the name of the domain.
func partsOf(email string) []string {
	local, domain, _ := strings.Cut(fold(email), "@")
	untagged, _, _ := strings.Cut(local, "+")
	parts := []string{local, untagged}
	registered, err := publicsuffix.EffectiveTLDPlusOne(domain)
	if err != nil {
		return parts
	}
	name, _, _ := strings.Cut(registered, ".")
	shown, err := idna.ToUnicode(name)
	if err == nil && utf8.RuneCountInString(shown) >= minWord {
		parts = append(parts, fold(shown))
	}
	return parts
}

// Words returns the words of the product's name that are long enough to be told from others, folded, with our own.
func Words(product string) []string {
	words := []string{ownWord}
	for word := range strings.FieldsFuncSeq(fold(product), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if utf8.RuneCountInString(word) >= minWord {
			words = append(words, word)
		}
	}
	return words
}

func tooLong(field string) apperr.Field {
	return apperr.Body(field, "max_length", fmt.Sprintf("Use at most %d characters.", MaxLength))
}

// fold makes alike what people and their fonts take for alike: unlike hashing, refusing may be generous.
func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

func contains(folded, part string) bool {
	return utf8.RuneCountInString(part) >= minPart && strings.Contains(folded, part)
}

// isCommon searches the list, whose n-th line is found by looking back from any byte of it.
func isCommon(folded string) bool {
	line := func(at int) string {
		start := strings.LastIndexByte(common[:at], '\n') + 1
		length := strings.IndexByte(common[start:], '\n')
		return common[start : start+length]
	}
	at := sort.Search(len(common), func(i int) bool { return line(i) >= folded })
	return at < len(common) && line(at) == folded
}
