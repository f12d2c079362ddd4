package local

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
)

// mood is a family of looks. The vibe's words choose one.
type mood struct {
	words    string
	light    bool         // dark text on a bright ground
	depth    float64      // lightness of the middle of the ground, 0 to 1
	chroma   float64      // of the ground
	hues     [][2]float64 // ground and accent, degrees in Oklch; one pair a variant
	textures []texture
	tilt     float64 // of the headline, degrees: the livelier, the more
	icon     rune    // where the words call for none
}

func moods() []mood {
	return []mood{
		{
			words: "dark moody noir horror scary mystery mysterious dramatic cinematic crime thriller gritty shadow spooky grim intense serious documentary",
			depth: 0.30, chroma: 0.07, tilt: 1.5, icon: '\ue220',
			hues:     [][2]float64{{25, 60}, {255, 90}, {165, 110}, {300, 30}},
			textures: []texture{beams, smoke, bokeh, beams},
		},
		{
			words: "neon cyberpunk synthwave retrowave vaporwave futuristic night club glow rave arcade 80s electric scifi",
			depth: 0.36, chroma: 0.19, tilt: 3, icon: '\ue2de',
			hues:     [][2]float64{{300, 195}, {265, 340}, {335, 190}, {225, 130}},
			textures: []texture{horizon, speedlines, horizon, rings},
		},
		{
			words: "clean minimal minimalist minimalistic simple modern elegant apple white light bright airy soft calm sleek professional corporate",
			light: true, depth: 0.93, chroma: 0.03, icon: '\ue2dc',
			hues:     [][2]float64{{255, 262}, {35, 30}, {160, 160}, {300, 300}},
			textures: []texture{arcs, dots, slabs, arcs},
		},
		{
			words: "energetic energy gaming game gamer epic hype action explosive extreme fire sport sports fast power powerful challenge wild crazy insane loud",
			depth: 0.50, chroma: 0.22, tilt: 4, icon: '\ue2de',
			hues:     [][2]float64{{27, 103}, {262, 125}, {300, 100}, {45, 105}},
			textures: []texture{rays, speedlines, halftone, rays},
		},
		{
			words: "warm cozy cosy cooking food kitchen rustic autumn fall homemade tasty delicious sunset golden vintage nostalgic wholesome",
			depth: 0.50, chroma: 0.13, tilt: 2.5, icon: '\ued8e',
			hues:     [][2]float64{{45, 92}, {28, 85}, {65, 100}, {15, 80}},
			textures: []texture{blobs, bokeh, rays, halftone},
		},
		{
			words: "nature natural travel outdoor outdoors adventure fresh green organic forest ocean sea summer tropical peaceful eco wildlife garden",
			depth: 0.50, chroma: 0.12, tilt: 2, icon: '\ue7ae',
			hues:     [][2]float64{{150, 105}, {215, 95}, {180, 75}, {240, 110}},
			textures: []texture{hills, blobs, rays, hills},
		},
		{
			words: "luxury luxurious premium gold rich wealth money finance business success classy exclusive expensive vip royal",
			depth: 0.27, chroma: 0.06, tilt: 1, icon: '\ue42c',
			hues:     [][2]float64{{80, 88}, {165, 88}, {270, 85}, {20, 90}},
			textures: []texture{slabs, beams, bokeh, rings},
		},
		{
			words: "tech technology digital ai code coding software data science space futurism robot startup educational education tutorial",
			depth: 0.38, chroma: 0.15, tilt: 2, icon: '\ue610',
			hues:     [][2]float64{{258, 195}, {285, 150}, {230, 100}, {200, 85}},
			textures: []texture{dots, rings, slabs, horizon},
		},
		{
			words: "fun playful cute kids happy colorful colourful pastel cheerful party comic cartoon silly kawaii funny pop",
			light: true, depth: 0.84, chroma: 0.13, tilt: 3.5, icon: '\ue436',
			hues:     [][2]float64{{95, 5}, {355, 275}, {205, 350}, {155, 300}},
			textures: []texture{halftone, blobs, rays, dots},
		},
		{
			words: "bold viral youtube clickbait mrbeast vlog reaction big strong vivid trending",
			depth: 0.47, chroma: 0.19, tilt: 3, icon: '\ue46a',
			hues:     [][2]float64{{260, 103}, {27, 100}, {300, 120}, {165, 98}},
			textures: []texture{rays, halftone, slabs, speedlines},
		},
	}
}

// hueWords are the colours that a vibe may name, as degrees in Oklch.
func hueWords() map[string]float64 {
	return map[string]float64{
		"red": 27, "crimson": 20, "orange": 52, "amber": 75, "yellow": 100, "lime": 128, "green": 148, "emerald": 160, "mint": 165,
		"teal": 185, "turquoise": 190, "cyan": 205, "sky": 232, "blue": 260, "navy": 262, "indigo": 275, "purple": 300, "violet": 295,
		"magenta": 330, "pink": 355, "rose": 10,
	}
}

// chooseMood returns the mood that most of the vibe's words name. The headline and the details are asked only when the
// vibe says nothing known; then the seed decides.
func chooseMood(rng *rand.Rand, vibe, details string) mood {
	all := moods()
	for _, text := range []string{vibe, details} {
		best, hits := 0, 0
		words := tokens(text)
		for i, m := range all {
			n := 0
			for w := range strings.FieldsSeq(m.words) {
				if slices.Contains(words, w) {
					n++
				}
			}
			if n > hits {
				best, hits = i, n
			}
		}
		if hits > 0 {
			return all[best]
		}
	}
	lively := []mood{all[3], all[9], all[7], all[1]}
	return lively[rng.IntN(len(lively))]
}

// hueNamed returns the first colour that the text names.
func hueNamed(text string) (float64, bool) {
	named := hueWords()
	for _, w := range tokens(text) {
		if h, ok := named[w]; ok {
			return h, true
		}
	}
	return 0, false
}

// hash folds text into a seed, so that every word of a vibe changes the picture a little.
func hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // a hash never fails
	return h.Sum64()
}
