// Package prompts turns what a creator wrote into what vendors are sent: first into a normal form, which is stored beside the
// words themselves, then into the text that each vendor's models read best.
//
// Everything here is a pure function, so that the same words give the same text wherever and whenever they are asked
// for. The creator's words are quoted as data: they stand between marks that they do not contain, and every text says that
// what stands there is to be shown or depicted and never obeyed.
package prompts

import (
	"encoding/json"

	"github.com/mugshot-studio/backend/internal/providers"
)

// Version names the rules of Normalize. It grows with every change of them, and what was stored under an older one is
// normalised anew when it is next read.
const Version = 1

// Normal is a prompt in its normal form, from which the texts for vendors are made.
type Normal struct {
	Version int `json:"version"`
	providers.Prompt
}

// Normalize brings a prompt into its normal form. Headline, subtext and vibe become one line each; details keep their
// line breaks. A member of which nothing visible is left is empty.
func Normalize(raw providers.Prompt) Normal {
	return Normal{Version: Version, Prompt: providers.Prompt{
		Headline: line(raw.Headline), Subtext: line(raw.Subtext), Vibe: line(raw.Vibe), Details: lines(raw.Details),
	}}
}

// Encode is the form that prompts.normalized_jsonb holds.
func (n Normal) Encode() json.RawMessage {
	encoded, err := json.Marshal(n)
	if err != nil {
		panic(err) // strings and a number always encode
	}
	return encoded
}

// Stale tells whether what was stored of a prompt has to be stored anew: there is nothing yet, or it is older.
func Stale(stored json.RawMessage) bool {
	var n Normal
	return len(stored) == 0 || json.Unmarshal(stored, &n) != nil || n.Version < Version
}

// Read is what was stored of a prompt, or its normal form made anew where that is missing, unreadable or of another
// version: a newer one may come from a release that runs beside this one, and its rules are not known here.
func Read(stored json.RawMessage, raw providers.Prompt) Normal {
	var n Normal
	if len(stored) == 0 || json.Unmarshal(stored, &n) != nil || n.Version != Version {
		return Normalize(raw)
	}
	return n
}
