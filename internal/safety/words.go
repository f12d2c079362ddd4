package safety

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/mugshot-studio/backend/internal/providers"
)

//go:embed phrases.txt
var phraseFile string

// phrase is a row of words, each in one of several spellings.
type phrase struct {
	rule  Rule
	words [][]spelling
}

// spelling is a folded word.
type spelling struct {
	word     string
	unspaced bool // of a script that puts no spaces between words
}

// phrases are those of phrases.txt, which is only read.
var phrases = parse(phraseFile) //nolint:gochecknoglobals // a table

// parse reads the form that phrases.txt explains. The file is ours, so what does not fit is left to the test.
func parse(file string) []phrase {
	var list []phrase
	var section Rule
	for row := range strings.Lines(file) {
		row = strings.TrimSpace(row)
		switch {
		case row == "" || row[0] == '#':
		case row[0] == '[':
			section = Rule(strings.Trim(row, "[]"))
		default:
			p := phrase{rule: section}
			for field := range strings.FieldsSeq(row) {
				var spellings []spelling
				for word := range strings.SplitSeq(field, "|") {
					for _, folded := range fold(word) {
						spellings = append(spellings, spelling{folded, unspaced(folded)})
					}
				}
				p.words = append(p.words, spellings)
			}
			list = append(list, p)
		}
	}
	return list
}

// forbidden finds the first phrase in what a creator wrote.
func forbidden(p providers.Prompt) (Rule, bool) {
	for _, text := range [...]string{p.Headline, p.Subtext, p.Vibe, p.Details} {
		words := fold(text)
		for _, phrase := range phrases {
			if phrase.in(words) {
				return phrase.rule, true
			}
		}
	}
	return "", false
}

func (p phrase) in(words []string) bool {
	for start := range words {
		if p.at(words[start:]) {
			return true
		}
	}
	return false
}

// at reports whether words begin with the phrase. In scripts that put no spaces between words, a word may contain it.
func (p phrase) at(words []string) bool {
	if len(words) < len(p.words) {
		return false
	}
	for i, spellings := range p.words {
		if !slices.ContainsFunc(spellings, func(s spelling) bool {
			return s.word == words[i] || s.unspaced && strings.Contains(words[i], s.word)
		}) {
			return false
		}
	}
	return true
}

func unspaced(word string) bool {
	return strings.ContainsFunc(word, func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
	})
}

// fold takes a text apart into words that differ only where they say something else: without case, accents, width, and
// invisible characters.
func fold(s string) []string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Cf, unicode.Variation_Selector):
		case unicode.In(r, unicode.L, unicode.N, unicode.Mc):
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
		}
	}
	return strings.Fields(cases.Fold().String(b.String()))
}
