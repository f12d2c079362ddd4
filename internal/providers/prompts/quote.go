package prompts

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/mugshot-studio/backend/internal/providers"
)

// tag makes a word that none of the texts contains, in any case: so nothing that stands between <tag> and </tag> can
// end there by itself. It depends on the texts alone.
func tag(p providers.Prompt) string {
	all := strings.ToLower(strings.Join([]string{p.Headline, p.Subtext, p.Vibe, p.Details}, "\x00"))
	for n := 0; ; n++ {
		sum := sha256.Sum256([]byte(strconv.Itoa(n) + "\x00" + all))
		word := "creator-" + hex.EncodeToString(sum[:4])
		if !strings.Contains(all, word) {
			return word
		}
	}
}

// quotes are pairs of marks that models read as "these very words", the best understood first.
func quotes() [6][2]string {
	return [...][2]string{{"“", "”"}, {"\"", "\""}, {"「", "」"}, {"«", "»"}, {"『", "』"}, {"《", "》"}}
}

// quote puts text between the first marks that do not occur in it, or between tags where all do.
func quote(s, otherwise string) string {
	for _, pair := range quotes() {
		if !strings.Contains(s, pair[0]) && !strings.Contains(s, pair[1]) {
			return pair[0] + s + pair[1]
		}
	}
	return "<" + otherwise + ">" + s + "</" + otherwise + ">"
}
