package geminifake

import (
	"encoding/json"
	"slices"
)

// Moderated answers a request for moderation with the named findings. Unknown names are ignored, so that no name, or an unknown one,
// means that nothing was found.
func Moderated(seen ...string) Reply {
	form := map[string]bool{}
	for _, member := range []string{"public_figure", "minor", "sexual", "violent", "likeness_of_others"} {
		form[member] = slices.Contains(seen, member)
	}
	text, _ := json.Marshal(form)
	half := len(text) / 2 // parts of one answer belong together
	return Reply{Pieces: []string{string(text[:half]), string(text[half:])}}
}
