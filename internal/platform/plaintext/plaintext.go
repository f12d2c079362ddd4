// Package plaintext checks what people write for others to read: names, titles and messages. A text has to show something, and
// must not hold characters that change how the text around it is shown.
package plaintext

import (
	"strings"
	"unicode"
)

// The codes of what is wrong with a text, for validation errors.
const (
	CodeBlank   = "required"
	CodeControl = "invalid_characters"
)

// Line returns the code of what is wrong with a text of one line, such as a name; "": nothing.
func Line(s string) string { return check(s, "") }

// Lines returns the code of what is wrong with a text that may have line breaks and tabs; "": nothing.
func Lines(s string) string { return check(s, "\n\r\t") }

// HasControl reports whether a text of one line, which may be blank, holds a character that must not be shown.
func HasControl(s string) bool { return Line(s) == CodeControl }

func check(s, allowed string) string {
	visible := false
	for _, r := range s {
		if isControl(r) && !strings.ContainsRune(allowed, r) {
			return CodeControl
		}
		visible = visible || isVisible(r)
	}
	if !visible {
		return CodeBlank
	}
	return ""
}

// isControl reports whether a character is a control character, or one of those that override or isolate the direction of the
// text after it (UAX #9, 2): with them a text shows what it does not say.
func isControl(r rune) bool {
	return unicode.IsControl(r) || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}

// isVisible reports whether a character shows by itself. Some letters and symbols are blank: the fillers of Hangul, and the empty
// pattern of Braille.
func isVisible(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u2800':
		return false
	}
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S)
}
