package local

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// idea is what the writer makes of a creator's words.
type idea struct {
	headline, subtext, vibe string
	platform                Platform
	model                   string // id; empty: none was named
}

const (
	headlineWords = 6
	vibeWords     = 3
	// lineRunes keeps a line well under what a draft may hold.
	lineRunes = 120
)

// understand reads the creator's turns, the last one first: a short one such as "darker please" changes what the ones
// before it asked for.
func understand(said []string, offer Offer) idea {
	var found idea
	for _, text := range slices.Backward(said) {
		if found.platform.ID == "" {
			found.platform = namedPlatform(text, offer.Platforms)
		}
		if found.model == "" {
			found.model = namedModel(text, offer.Models)
		}
		if found.vibe == "" {
			found.vibe = namedVibe(text)
		}
		if found.headline == "" {
			found.headline, found.subtext = lines(text)
		}
	}
	if found.platform.ID == "" && len(offer.Platforms) > 0 {
		found.platform = offer.Platforms[0]
	}
	if found.vibe == "" {
		found.vibe = "bold viral"
	}
	if found.headline == "" {
		found.headline = "You have to see this"
	}
	return found
}

// namedPlatform finds the platform whose name, or another word for it, stands in a text: the longest, since YouTube is
// in YouTube Shorts as well.
func namedPlatform(text string, platforms []Platform) (found Platform) {
	other := map[string][]string{
		"youtube_shorts": {"shorts"}, "instagram_story": {"story", "stories", "reel", "reels"}, "instagram_post": {"instagram"},
		"x": {"twitter", "tweet"}, "twitch": {"stream"}, "podcast": {"podcast"},
	}
	words := " " + strings.Join(tokens(text), " ") + " "
	longest := 0
	for _, p := range platforms {
		names := append([]string{strings.Join(tokens(p.Name), " "), strings.ReplaceAll(p.ID, "_", " ")}, other[p.ID]...)
		for _, n := range names {
			if len(n) > longest && strings.Contains(words, " "+n+" ") {
				found, longest = p, len(n)
			}
		}
	}
	return found
}

func namedModel(text string, models []Model) (id string) {
	words := " " + strings.Join(tokens(text), " ") + " "
	longest := 0
	for _, m := range models {
		n := strings.Join(tokens(m.Name), " ")
		if len(n) > longest && strings.Contains(words, " "+n+" ") {
			id, longest = m.ID, len(n)
		}
	}
	return id
}

// subjects are words for a mood that more often say what a video is about.
const subjects = "robot startup ai code coding software data science space tech technology digital money finance business success " +
	"education educational tutorial youtube vlog reaction party club night kids crime documentary comic cartoon arcade 80s pop " +
	"cooking food kitchen fall travel forest ocean sea summer wildlife garden nature gaming game gamer sport sports challenge fire " +
	"apple white light power wealth gold shadow mystery horror"

// namedVibe picks the words for the look that the built-in provider knows how to draw.
func namedVibe(text string) string {
	hues, all := hueWords(), moods()
	same := map[string]string{"darker": "dark", "brighter": "bright", "funnier": "funny", "scarier": "scary", "bolder": "bold"}
	var vibe []string
	for _, word := range tokens(text) {
		if w, ok := same[word]; ok {
			word = w
		}
		_, hue := hues[word]
		known := hue || slices.ContainsFunc(all, func(m mood) bool { return slices.Contains(strings.Fields(m.words), word) })
		if known && !slices.Contains(strings.Fields(subjects), word) && !slices.Contains(vibe, word) && len(vibe) < vibeWords {
			vibe = append(vibe, word)
		}
	}
	return strings.Join(vibe, " ")
}

var (
	quoted   = regexp.MustCompile(`["“”„]([^"“”„]{3,80})["“”]`)
	topic    = regexp.MustCompile(`(?i)\b(?:about|called|titled|named|on how|where|in which)\s+(.+)`)
	leadIn   = regexp.MustCompile(`(?i)^.*?\b(?:thumbnail|thumbnails|cover|picture|image|banner)\b(?:\s+(?:for|of|with|on))?\s*`)
	forVideo = regexp.MustCompile(`(?i)^(?:(?:my|a|an|the|our|next|new)\s+)*` +
		`(?:(?:youtube|tiktok|instagram|twitch|podcast|video|short|shorts|post|stream|episode|channel)\s*)+`)
	figure   = regexp.MustCompile(`(?i)\s*\b((?:in|within|after|under|for|with only)\s+(?:only\s+|just\s+)?\$?\d[\w.,]*(?:\s+[\pL]+)?)`)
	sentence = regexp.MustCompile(`[.!?\n\r;:]+(?:\s|$)`)
)

// lines makes the big and the small words of a text: what is quoted, else what it is about. A text that is only about the
// look has none.
func lines(text string) (headline, subtext string) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return ' '
		}
		return r
	}, text)
	if m := quoted.FindStringSubmatch(text); m != nil {
		return trim(m[1], headlineWords+4), ""
	}
	var about string
	if m := topic.FindStringSubmatch(text); m != nil {
		about = m[1]
	} else {
		about = forVideo.ReplaceAllString(leadIn.ReplaceAllString(text, ""), "")
	}
	about = strings.TrimSpace(sentence.Split(about, 2)[0])
	about, _, _ = strings.Cut(about, ",")
	if m := figure.FindStringSubmatchIndex(about); m != nil && m[0] > 0 {
		subtext = trim(about[m[2]:m[3]], headlineWords)
		about = about[:m[0]]
	}
	if len(strings.Fields(about)) < 2 || onlyLook(about) {
		return "", ""
	}
	return trim(about, headlineWords), subtext
}

// onlyLook tells whether a text has nothing to say but how it should look.
func onlyLook(text string) bool {
	const plain = "make it a the and or but more less very really please with in of for to can you could i want would like that this one " +
		"look looking style colors colours color colour vibe mood instead much bit little darker brighter funnier scarier bolder"
	vibe := strings.Fields(namedVibe(text))
	return !slices.ContainsFunc(tokens(text), func(word string) bool {
		return !slices.Contains(strings.Fields(plain), word) && !slices.Contains(vibe, word)
	})
}

// trim takes at most so many words, ends on none that needs another, and begins in upper case.
func trim(text string, most int) string {
	words := strings.Fields(text)
	words = words[:min(len(words), most)]
	const joints = "a an the and or but of in on at to for with from by is are my your our"
	for len(words) > 1 && slices.Contains(strings.Fields(joints), strings.ToLower(words[len(words)-1])) {
		words = words[:len(words)-1]
	}
	runes := []rune(strings.Trim(strings.Join(words, " "), `"'“”„ ,-–—`))
	if len(runes) == 0 {
		return ""
	}
	runes = runes[:min(len(runes), lineRunes)]
	runes[0] = unicode.ToUpper(runes[0])
	return string(runes)
}
