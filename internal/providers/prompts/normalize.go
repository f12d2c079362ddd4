package prompts

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Characters that show nothing themselves and yet change what is shown beside them.
const (
	nonJoiner    = '\u200c' // keeps letters of Persian and of Indic scripts apart
	joiner       = '\u200d' // makes one emoji of several, and one letter of several
	blackFlag    = '\U0001f3f4'
	lastTag      = '\U000e007f' // ends the name of a region after a black flag, such as England's
	mostTags     = 7            // of such a name, its end included; see Unicode Technical Standard 51, ED-14a
	hangulFiller = '\u3164'
)

// line brings text into one line.
func line(s string) string {
	return strings.Join(strings.Fields(clean(s)), " ")
}

// lines folds the whitespace within lines, and the empty lines between them.
func lines(s string) string {
	breaks := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")
	var kept []string
	for part := range strings.SplitSeq(breaks.Replace(s), "\n") {
		if part = line(part); part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "\n")
}

// clean composes characters (NFC) and takes out what is not visible: control characters, marks of direction, invisible
// characters that join nothing, and the tags and selectors in which a text can be hidden within another. All that is
// visible stays as it is.
func clean(s string) string {
	for {
		cleaner := cleanOnce(s)
		if cleaner == s {
			return s
		}
		s = cleaner // what stood on both sides of something that is gone may be joined, or compose, now
	}
}

func cleanOnce(s string) string {
	runes := []rune(norm.NFC.String(strings.ToValidUTF8(s, "")))
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(runes); i++ {
		switch r := runes[i]; {
		case unicode.IsSpace(r), isFiller(r):
			b.WriteByte(' ')
		case r == joiner || r == nonJoiner:
			if i > 0 && i+1 < len(runes) && joins(runes[i-1]) && joins(runes[i+1]) {
				b.WriteRune(r)
			}
		case r == blackFlag:
			region := regionAfter(runes[i+1:])
			b.WriteString(string(runes[i : i+1+region]))
			i += region
		case unicode.Is(unicode.Variation_Selector, r):
			if i > 0 && varies(runes[i-1]) {
				b.WriteRune(r)
			}
		case hidden(r):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// hidden reports whether a character shows nothing. Some of category Cf do: the signs that enclose Arabic numbers.
func hidden(r rune) bool {
	switch {
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r):
		return false
	case r == unicode.ReplacementChar:
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Noncharacter_Code_Point, unicode.Other_Default_Ignorable_Code_Point)
}

// isFiller reports whether a character is a blank that counts as a letter.
func isFiller(r rune) bool {
	return r == hangulFiller || r == '\uffa0' || r == '\u115f' || r == '\u1160' || r == '\u2800'
}

// joins reports whether a character can be one half of something joined. In scripts whose letters stand apart a joiner
// does nothing but split a word for those who look for it.
func joins(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.S) &&
		!unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// varies reports whether a selector after the character can choose another form of it. One selector does; a row of them
// hides a text.
func varies(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S) && !unicode.Is(unicode.Latin, r)
}

// regionAfter counts the tags that name a region after a black flag: none unless the name is whole.
func regionAfter(runes []rune) int {
	for i, r := range runes[:min(len(runes), mostTags)] {
		switch {
		case r == lastTag && i > 0:
			return i + 1
		case r < '\U000e0030' || r > '\U000e007a':
			return 0
		}
	}
	return 0
}
