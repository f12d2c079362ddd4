package contract_test

import (
	"math/rand/v2"
	"regexp/syntax"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// sample returns a text that a regular expression matches. Unbounded repetitions end a few characters after their minimum, or
// about longest after it.
func sample(r *rand.Rand, pattern string, longest int) string {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	var write func(*syntax.Regexp)
	repeat := func(re *syntax.Regexp, least, most int) {
		if most < 0 {
			most = least + 1 + r.IntN([]int{4, longest}[r.IntN(2)])
		}
		for range least + r.IntN(most-least+1) {
			write(re.Sub[0])
		}
	}
	write = func(re *syntax.Regexp) {
		switch re.Op {
		case syntax.OpLiteral:
			b.WriteString(string(re.Rune))
		case syntax.OpCharClass:
			b.WriteRune(oneOf(r, re.Rune))
		case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
			b.WriteRune(letter(r))
		case syntax.OpConcat, syntax.OpCapture:
			for _, sub := range re.Sub {
				write(sub)
			}
		case syntax.OpAlternate:
			write(re.Sub[r.IntN(len(re.Sub))])
		case syntax.OpQuest:
			repeat(re, 0, 1)
		case syntax.OpStar:
			repeat(re, 0, -1)
		case syntax.OpPlus:
			repeat(re, 1, -1)
		case syntax.OpRepeat:
			repeat(re, re.Min, re.Max)
		}
	}
	write(tree)
	return b.String()
}

// oneOf picks a rune from pairs of first and last runes: any rune in between, or one near the start of a pair.
func oneOf(r *rand.Rand, pairs []rune) rune {
	i := 2 * r.IntN(len(pairs)/2)
	first, last := pairs[i], pairs[i+1]
	if want := letter(r); r.IntN(2) == 0 && first <= want && want <= last {
		return want
	}
	return first + r.Int32N(min(last-first, 0x5f)+1)
}

// letter picks a rune from those of usual texts and from those that break programs that don't expect them.
func letter(r *rand.Rand) rune {
	alphabets := []string{
		"abcdefghijklmnopqrstuvwxyz0123456789", "ABCXYZ -_.,:;/\\'\"`<>&%$#@!?*()[]{}|^~+=", "äöüßéçñøąčşığ", "\u6f22\u5b57\u304b\u306a\u30ab\u30ca\ud55c\uae00",
		"👋🏽👩‍🚀🏳️‍🌈", "\u200b\u200e\u202e\u2028\ufeff\u00a0\u0301\u0085", "\ufffd\ufffe\uffff\U0010ffff\U0001f4a9",
	}
	alphabet := []rune(alphabets[min(r.IntN(3)*r.IntN(4), len(alphabets)-1)])
	return alphabet[r.IntN(len(alphabet))]
}

func TestSample_matchesItsPattern(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, pattern := range []string{`^[A-Za-z0-9._-]{3,30}$`, `^[0-9]{6}$`, `^[^\x00-\x1f]*[^\x00-\x20]+$`, `^(a|b(c)?)+.$`} {
		for range 200 {
			require.Regexp(t, pattern, sample(r, pattern, 20))
		}
	}
}
