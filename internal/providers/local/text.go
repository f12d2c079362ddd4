package local

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is a shaped word, or a piece of one that is too long for a line.
type word struct {
	run
	key bool // stands out
}

// longest is how many characters a line must hold at least; longer words are broken.
const longest = 22

// words splits s into what t can draw. Characters that no font has lose their accents, or go: a gap reads better than an
// empty box.
func (t *typesetter) words(s string, upper bool) []word {
	s = norm.NFKC.String(s) // unites letters with their accents, opens ligatures, narrows wide forms
	if upper {
		s = strings.ToUpper(s)
	}
	var clean strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			clean.WriteByte(' ')
		case r == utf8.RuneError, unicode.In(r, unicode.M, unicode.C):
			// Marks that joined no letter would stand beside it, for the fonts' positioning tables are not read.
		case t.has(r):
			clean.WriteRune(r)
		default:
			for _, base := range norm.NFKD.String(string(r)) {
				if base != r && t.has(base) && !unicode.Is(unicode.M, base) {
					clean.WriteRune(base)
				}
			}
		}
	}
	fields := strings.Fields(clean.String())
	key := keyWord(fields)
	var out []word
	for i, field := range fields {
		for _, piece := range pieces(field) {
			out = append(out, word{t.shape(piece), i == key})
		}
	}
	return out
}

// pieces breaks a word of more than longest characters into even parts.
func pieces(field string) []string {
	runes := []rune(field)
	if len(runes) <= longest {
		return []string{field}
	}
	n := (len(runes) + longest - 1) / longest
	out := make([]string, 0, n)
	for i := range n {
		out = append(out, string(runes[i*len(runes)/n:(i+1)*len(runes)/n]))
	}
	return out
}

// keyWord returns the index of the word that carries the headline: a number or a sum, a word that pulls, else the
// longest that is no mere joint. -1 where there is none.
func keyWord(fields []string) int {
	pulls := strings.Fields("never secret secrets worst best insane free impossible shocking truth wrong stop banned illegal cheapest " +
		"ultimate perfect crazy scary dangerous viral rich first last only easy fastest hardest biggest")
	joints := strings.Fields("a an the and or but of in on at to for with from by is are was were be been i my me you your we our it its this " +
		"that these those how why what when who which do did does not no so as if than then into about have has had can will just")
	best, score := -1, 0
	for i, f := range fields {
		f = strings.ToLower(strings.TrimFunc(f, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '$' }))
		n := len([]rune(f))
		switch {
		case n == 0:
			continue
		case strings.ContainsFunc(f, unicode.IsDigit):
			n += 200
		case slices.Contains(pulls, f):
			n += 100
		case slices.Contains(joints, f):
			n -= 50
		}
		if best < 0 || n > score {
			best, score = i, n
		}
	}
	return best
}
