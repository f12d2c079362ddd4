package local

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/font/sfnt"
)

func TestIcons_areInTheFont(t *testing.T) {
	t.Parallel()
	setter := &typesetter{fonts: []*sfnt.Font{loadTypefaces().icons}}
	seen := map[string]bool{}
	for _, i := range icons() {
		require.True(t, setter.has(i.code), "%U for %s", i.code, i.words)
		for w := range strings.FieldsSeq(i.words) {
			require.Equal(t, []string{w}, tokens(w), "can never match")
			require.False(t, seen[w], "%s stands twice", w)
			seen[w] = true
		}
	}
	for _, m := range moods() {
		require.True(t, setter.has(m.icon), "%U", m.icon)
		require.GreaterOrEqual(t, len(m.hues), 4, "each variant has its colours")
		require.NotEmpty(t, m.textures)
	}
}

func TestPickIcon(t *testing.T) {
	t.Parallel()
	require.Equal(t, '\ue3fe', pickIcon('x', "We launch a ROCKET!"))
	require.Equal(t, '\ue796', pickIcon('x', "best 🍕 ever"))
	require.Equal(t, 'x', pickIcon('x', "nothing known"))
}

func TestChooseMood(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	require.True(t, chooseMood(rng, "Clean, minimal", "").light)
	require.False(t, chooseMood(rng, "dark moody", "clean").light)
	require.Equal(t, chooseMood(rng, "neon cyberpunk", "").words, chooseMood(rng, "", "a synthwave night").words)
}

func TestPalette_reads(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(7, 7))
	for _, m := range moods() {
		for _, vibe := range []string{"", "red", "yellow", "blue", "pink"} {
			for variant := range 8 {
				p := newPalette(rng, m, vibe, variant, nil)
				require.GreaterOrEqual(t, contrast(p.ink, p.line), 4.5)
				require.GreaterOrEqual(t, contrast(p.accent, p.line), 4.5)
				require.GreaterOrEqual(t, contrast(p.onto(p.accent), p.accent), 4.5)
				require.GreaterOrEqual(t, contrast(p.onto(p.pop), p.pop), 4.5, "%s, variant %d: %v", m.words, variant, p.pop)
			}
		}
	}
}

func TestOKLab_roundTrip(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 3))
	for range 500 {
		c := oklch(rng.Float64(), 0.3*rng.Float64(), 360*rng.Float64())
		back, _ := toOKLab(c).rgba()
		require.InDelta(t, c.R, back.R, 1)
		require.InDelta(t, c.G, back.G, 1)
		require.InDelta(t, c.B, back.B, 1)
	}
}

func TestKeyWord(t *testing.T) {
	t.Parallel()
	for headline, want := range map[string]string{
		"I survived 100 days": "100", "Never do this again": "Never", "How we built a castle": "castle", "the of and": "the",
		"$5 vs a million": "$5", "!!! ???": "",
	} {
		fields := strings.Fields(headline)
		got := ""
		if i := keyWord(fields); i >= 0 {
			got = fields[i]
		}
		require.Equal(t, want, got, headline)
	}
}

func TestBreaks_narrowest(t *testing.T) {
	t.Parallel()
	words := []word{{run: run{width: 1}}, {run: run{width: 1}}, {run: run{width: 3}}, {run: run{width: 1}}, {run: run{width: 2}}}
	all := breaks(words, 0)
	require.Len(t, all, 5)
	for n, lines := range all {
		require.Len(t, lines, n+1)
		count := 0
		for _, l := range lines {
			count += len(l.words)
		}
		require.Equal(t, len(words), count)
	}
	require.InDelta(t, 5.0, max(all[1][0].width, all[1][1].width), 1e-9)
	require.InDelta(t, 3.0, max(all[2][0].width, all[2][1].width, all[2][2].width), 1e-9)
}
