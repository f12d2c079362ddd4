package local

import (
	"cmp"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"slices"

	"golang.org/x/image/draw"
)

// palette is what one picture is painted with. Ink and accent have a contrast of 4.5 or more against line; so has what
// onto returns for accent and pop.
type palette struct {
	deep, base, glow color.RGBA // the ground, from its corners to its light
	ink              color.RGBA // headline
	line             color.RGBA // outline of the headline
	accent           color.RGBA // its key word
	pop              color.RGBA // shapes that must stand out from ground and accent
	light            bool
}

// newPalette derives the colours of variant (0-based) from the mood, the colours that the vibe names, and the colours
// sampled from the picture to be copied, if there is one.
func newPalette(rng *rand.Rand, m mood, vibe string, variant int, sampled []oklab) palette {
	pair := m.hues[variant%len(m.hues)]
	ground, accent := pair[0]+rng.Float64()*14-7, pair[1]+rng.Float64()*8-4
	chroma := m.chroma
	pop := accent + 70
	light, depth := m.light, m.depth
	if hue, ok := hueNamed(vibe); ok {
		// The named colour is the ground of every variant but one, where it becomes the accent.
		if variant%4 == 3 {
			ground, accent = accent, hue
		} else {
			ground = hue + rng.Float64()*8 - 4
		}
		chroma = max(chroma, 0.1)
	}
	if len(sampled) > 0 {
		mean := 0.0
		for _, s := range sampled {
			mean += s.l / float64(len(sampled))
		}
		if light = mean > 0.72; light {
			depth = 0.9
		} else if m.light {
			depth = 0.4
		}
		_, c, h := sampled[variant%len(sampled)].lch()
		ground, chroma = h, min(max(c*1.1, 0.03), 0.2)
		accent = farthest(sampled, h, accent)
		pop = farthest(sampled, accent, accent-60)
	}
	if hueDistance(ground, accent) < 35 && chroma > 0.08 {
		accent = ground + 150
	}
	if len(sampled) == 0 && !light {
		pop = accent + 140
		if hueDistance(ground, pop) < 50 {
			pop = accent - 75
		}
	}
	punch := 0.12 + 0.65*m.chroma // a moody ground bears no shrill shapes
	p := palette{light: light}
	if light {
		if hueDistance(accent, 95) < 40 { // yellow dark enough to read on white is mud
			accent = 262
			if hueDistance(ground, accent) < 80 {
				accent = 5
			}
		}
		depth += 0.06 * smooth(1-hueDistance(ground, 100)/60) // for the same reason
		p.deep = oklch(depth-0.07, chroma*1.5, ground)
		p.base = oklch(depth, chroma, ground)
		p.glow = oklch(0.985, chroma*0.35, ground)
		p.ink = oklch(0.2, 0.05, ground)
		p.line = color.RGBA{255, 255, 255, 255}
		p.accent = readable(punch+0.06, accent, p.line, -0.02)
		p.pop = readable(punch, pop, p.ink, 0.02)
		if m.tilt <= 1 {
			p.pop = oklch(0.77, 0.09, ground+20)
		}
		return p
	}
	p.deep = oklch(max(depth*0.42, 0.11), chroma*0.75, ground-12)
	p.base = oklch(depth, chroma, ground)
	p.glow = oklch(min(depth+0.27, 0.8), chroma*0.95, ground+14)
	p.ink = color.RGBA{255, 255, 255, 255}
	p.line = oklch(0.13, 0.035, ground)
	p.accent = readable(punch+0.06, accent, p.line, 0.02)
	p.pop = readable(punch, pop, p.line, 0.02)
	if m.tilt <= 1 {
		p.pop = oklch(0.6, 0.11, ground+12) // elegance stays with one hue
	}
	return p
}

// vivid returns the purest colour of the hue, its chroma at most c, that sRGB has at a lightness fit for shapes: yellow is
// bright, blue dark.
func vivid(c, h float64) color.RGBA {
	best, most := 0.0, -1.0
	for l := 0.58; l < 0.9; l += 0.02 {
		if _, chroma, _ := toOKLab(oklch(l, 0.24, h)).lch(); chroma > most+4e-3 {
			best, most = l, chroma
		}
	}
	return oklch(best, c, h)
}

// readable returns the vivid colour of the hue, its lightness moved by step until it reads on the ground behind it.
func readable(c, h float64, behind color.RGBA, step float64) color.RGBA {
	out := vivid(c, h)
	l, _, _ := toOKLab(out).lch()
	for l > 0 && l < 1 && contrast(out, behind) < 4.8 {
		l += step
		out = oklch(l, c, h)
	}
	return out
}

// onto returns the colour, of the ink and its outline, that reads better on ground.
func (p palette) onto(ground color.RGBA) color.RGBA {
	dark, bright := p.line, p.ink
	if p.light {
		dark, bright = p.ink, p.line
	}
	if contrast(dark, ground) >= contrast(bright, ground) {
		return dark
	}
	return bright
}

// dark returns the darker of ink and line: shadows and the inside of outlines.
func (p palette) dark() color.RGBA {
	if p.light {
		return p.ink
	}
	return p.line
}

// bright returns the lighter of ink and line.
func (p palette) bright() color.RGBA {
	if p.light {
		return p.line
	}
	return p.ink
}

// dominant returns the picture's colours, the most prominent first: k-means in Oklab over a thumbnail of it, weighted so
// that a small vivid area counts as much as a large dull one.
func dominant(pic image.Image) []oklab {
	const side, groups, rounds = 48, 5, 8
	small := image.NewRGBA(image.Rect(0, 0, side, side))
	draw.BiLinear.Scale(small, small.Bounds(), pic, pic.Bounds(), draw.Src, nil)
	points := make([]oklab, 0, side*side)
	for i := 0; i < len(small.Pix); i += 4 {
		points = append(points, toOKLab(color.RGBA{small.Pix[i], small.Pix[i+1], small.Pix[i+2], 255}))
	}
	byLight := slices.Clone(points)
	slices.SortStableFunc(byLight, func(a, b oklab) int { return cmp.Compare(a.l, b.l) })
	centres := make([]oklab, groups)
	for i := range centres {
		centres[i] = byLight[(2*i+1)*len(byLight)/(2*groups)]
	}
	weight := make([]float64, groups)
	for range rounds {
		sums := make([]oklab, groups)
		clear(weight)
		for _, p := range points {
			i := nearest(centres, p)
			w := 0.25 + 6*math.Hypot(p.a, p.b)
			sums[i] = oklab{sums[i].l + w*p.l, sums[i].a + w*p.a, sums[i].b + w*p.b}
			weight[i] += w
		}
		for i, w := range weight {
			if w > 0 {
				centres[i] = oklab{sums[i].l / w, sums[i].a / w, sums[i].b / w}
			}
		}
	}
	order := []int{0, 1, 2, 3, 4}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(weight[b], weight[a]) })
	out := make([]oklab, 0, groups)
	for _, i := range order {
		if weight[i] > 0 {
			out = append(out, centres[i])
		}
	}
	return out
}

func nearest(centres []oklab, p oklab) int {
	best, distance := 0, math.Inf(1)
	for i, c := range centres {
		d := (c.l-p.l)*(c.l-p.l) + (c.a-p.a)*(c.a-p.a) + (c.b-p.b)*(c.b-p.b)
		if d < distance {
			best, distance = i, d
		}
	}
	return best
}

// farthest returns the hue of the vivid colour that differs most from hue, or otherwise when none is vivid.
func farthest(colours []oklab, hue, otherwise float64) float64 {
	best := 0.0
	for _, c := range colours {
		_, chroma, h := c.lch()
		if score := chroma * hueDistance(h, hue); chroma > 0.05 && score > best {
			best, otherwise = score, h
		}
	}
	return otherwise
}

func hueDistance(a, b float64) float64 {
	d := math.Abs(math.Mod(a-b, 360))
	return min(d, 360-d)
}
