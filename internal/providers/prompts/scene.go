package prompts

import (
	"fmt"
	"strings"

	"github.com/mugshot-studio/backend/internal/providers"
)

// frame says in a word or two how a picture of so many pixels stands.
func frame(req providers.ImageRequest) string {
	switch {
	case req.Width > req.Height:
		return "landscape"
	case req.Width < req.Height:
		return "portrait"
	}
	return "square"
}

// platform is the name of a catalog id as people write it. Others stand as they are.
func platform(id string) string {
	return strings.ReplaceAll(id, "_", " ")
}

// roles says of each reference, by its place in the request, what it is for. That is all a model learns of it.
func roles(req providers.ImageRequest) []string {
	said := make([]string, 0, len(req.References))
	for i, reference := range req.References {
		said = append(said, fmt.Sprintf("Image %d %s", i+1, role(reference.Role)))
	}
	return said
}

func role(name string) string {
	switch name {
	case "selfie":
		return "shows the person who appears in the thumbnail: keep their face and their likeness."
	case "copy_target":
		return "is the picture to follow: keep its composition, light and colours, not the person in it and not its words."
	}
	return "is a reference for objects, colours and style."
}

// words says which letters the picture has to show.
func words(p providers.Prompt, quoted func(string) string) string {
	said := "The headline reads " + quoted(p.Headline) + ", spelled exactly so, in very large, bold letters that can be read at the size of a stamp."
	if p.Subtext != "" {
		said += " Below it, smaller, stands " + quoted(p.Subtext) + "."
	}
	return said + " No other lettering, logos or watermarks."
}
