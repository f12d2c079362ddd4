package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mugshot-studio/backend/internal/providers"
)

var errNothingSaid = errors.New("the creator has said nothing")

// answer decides what the creator wants to know, by the words of the last turn.
func (w *Writer) answer(turns []providers.Turn) (string, error) {
	var said []string
	for _, t := range turns {
		if t.FromCreator && strings.TrimSpace(t.Text) != "" {
			said = append(said, t.Text)
		}
	}
	if len(said) == 0 {
		return "", permanent("invalid_request", errNothingSaid)
	}
	words := tokens(said[len(said)-1])
	names := func(list string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(strings.Fields(list), word) })
	}
	question := strings.Contains(said[len(said)-1], "?") || names("what which how list show tell")
	switch {
	case question && names("price prices pricing cost costs credit credits expensive cheap cheapest pay"):
		return w.prices(), nil
	case question && names("platform platforms size sizes dimension dimensions resolution pixels format formats"):
		return w.sizes(), nil
	case question && names("model models"):
		return w.models(), nil
	case len(words) <= 3 && names("hi hello hey help hallo start thanks thank"):
		return "Hello! Tell me what your video or post is about, where you will show it, and the mood that you want. " +
			"I will suggest a headline, a subtext and a vibe. You can also ask me for prices, platforms and models.", nil
	}
	return w.propose(said)
}

func (w *Writer) prices() string {
	var b strings.Builder
	b.WriteString("Prices in credits for each picture, as draft, standard and 4k:\n")
	for _, m := range w.offer.Models {
		fmt.Fprintf(&b, "- %s: %d, %d, %d\n", m.Name, m.Draft, m.Std, m.FourK)
	}
	fmt.Fprintf(&b, "Copying the look of another picture costs %d more for each. Start with a draft and go up when you like it.",
		w.offer.CopySurcharge)
	return b.String()
}

func (w *Writer) sizes() string {
	var b strings.Builder
	b.WriteString("These platforms have a preset:\n")
	for _, p := range w.offer.Platforms {
		fmt.Fprintf(&b, "- %s: %d × %d pixels\n", p.Name, p.Width, p.Height)
	}
	b.WriteString("Any other size from 256 to 3840 pixels a side works as well.")
	return b.String()
}

func (w *Writer) models() string {
	if len(w.offer.Models) == 0 {
		return "No image model can be used here at the moment."
	}
	var b strings.Builder
	b.WriteString("You can choose between these models, with credits for a standard picture:\n")
	for _, m := range w.offer.Models {
		fmt.Fprintf(&b, "- %s: %d\n", m.Name, m.Std)
	}
	b.WriteString("If you don't choose, the first one draws.")
	return b.String()
}

// draft is a project as createProject takes it.
type draft struct {
	Mode      string      `json:"mode"`
	Platform  string      `json:"platform"`
	Prompt    draftPrompt `json:"prompt"`
	ModelPref string      `json:"model_pref,omitempty"`
}

type draftPrompt struct {
	Headline string `json:"headline"`
	Subtext  string `json:"subtext,omitempty"`
	Vibe     string `json:"vibe"`
}

// propose makes a draft of what was said, tells it, and hands it over in a block that the creator does not see.
func (w *Writer) propose(said []string) (string, error) {
	idea := understand(said, w.offer)
	block, err := json.Marshal(draft{
		Mode: "design", Platform: idea.platform.ID, ModelPref: idea.model,
		Prompt: draftPrompt{Headline: idea.headline, Subtext: idea.subtext, Vibe: idea.vibe},
	})
	if err != nil {
		return "", permanent("invalid_request", err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Here is an idea for %s (%d × %d):\n\nHeadline: %s\n", idea.platform.Name, idea.platform.Width,
		idea.platform.Height, idea.headline)
	if idea.subtext != "" {
		fmt.Fprintf(&b, "Subtext: %s\n", idea.subtext)
	}
	fmt.Fprintf(&b, "Vibe: %s\n\n", idea.vibe)
	b.WriteString("Keep the headline short enough to read on a phone, and let one thing stand out. Take it as a draft, or tell me what to change.")
	fmt.Fprintf(&b, "\n\n```suggestion\n%s\n```\n", block)
	return b.String(), nil
}
