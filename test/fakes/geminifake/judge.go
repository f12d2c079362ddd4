package geminifake

import (
	"encoding/json"
	"slices"
)

// Judged answers a request for a judgement: what is named was seen, and nothing else. Without a name, or with another
// one, nothing was.
func Judged(seen ...string) Reply {
	form := map[string]bool{}
	for _, member := range []string{"public_figure", "minor", "sexual", "violent", "likeness_of_others"} {
		form[member] = slices.Contains(seen, member)
	}
	text, _ := json.Marshal(form)
	half := len(text) / 2 // parts of one answer belong together
	return Reply{Pieces: []string{string(text[:half]), string(text[half:])}}
}
