package chat

import (
	"math/rand/v2"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestExtractor_takesTheSuggestionOutOfPieces(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, visible, block string }{
		"none":                {"Big words.\n\nGood.", "Big words.\n\nGood.", ""},
		"at the end":          {"Take this:\n\n```suggestion\n{\"a\": 1}\n```\n", "Take this:", "\n{\"a\": 1}\n"},
		"alone":               {"```suggestion\n{}\n```", "", "\n{}\n"},
		"words behind it":     {"One\n```suggestion\n{}\n```\nTwo", "One\nTwo", "\n{}\n"},
		"the last one counts": {"A ```suggestion 1``` B ```suggestion 2``` C", "A B C", " 2"},
		"another block":       {"See:\n```json\n{}\n```", "See:\n```json\n{}\n```", ""},
		"almost":              {"It is a ```sugg", "It is a ```sugg", ""},
		"ticks at the end":    {"It is ``", "It is ``", ""},
		"cut off":             {"So ```suggestion\n{\"a\": ", "So", "\n{\"a\": "},
		"other alphabets":     {"Größe İstanbul Ωμέγα ```suggestion {}```", "Größe İstanbul Ωμέγα", " {}"},
	} {
		for seed := range uint64(200) {
			r := rand.New(rand.NewPCG(seed, 3))
			var e extractor
			var visible string
			for rest := c.text; rest != ""; {
				n := 1 + r.IntN(min(9, len(rest)))
				for n < len(rest) && !utf8.RuneStart(rest[n]) {
					n++
				}
				visible += e.take(rest[:n])
				require.LessOrEqual(t, len(visible), len(c.visible), "%s: shows too much: %q", name, visible)
				rest = rest[n:]
			}
			visible += e.finish()
			require.Equal(t, c.visible, visible, "%s, seed %d", name, seed)
			require.Equal(t, c.block, e.block, "%s, seed %d", name, seed)
		}
	}
}

// A block without an end takes a bounded amount of memory, and is nothing.
func TestExtractor_boundsABlockWithoutAnEnd(t *testing.T) {
	t.Parallel()
	var e extractor
	e.take("```suggestion")
	for range 10 * maxSuggestionBytes / 100 {
		require.Empty(t, e.take(string(make([]byte, 100))))
		require.LessOrEqual(t, e.current.Len(), maxSuggestionBytes+100)
	}
	require.Equal(t, " and on", e.take("``` and on"))
}
