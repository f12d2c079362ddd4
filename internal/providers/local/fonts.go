package local

import (
	"embed"
	"fmt"

	"git.sr.ht/~sbinet/gg"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

//go:embed fonts/*.ttf
var fontFiles embed.FS

// typefaces are the embedded fonts; fonts/README.md names their sources and licences. Safe for concurrent use.
type typefaces struct {
	display *sfnt.Font // heavy and condensed, for headlines; Latin only
	text    *sfnt.Font // Latin, Greek, Cyrillic, Vietnamese
	icons   *sfnt.Font // pictograms in the private use area
}

func loadTypefaces() *typefaces {
	load := func(name string) *sfnt.Font {
		data, err := fontFiles.ReadFile("fonts/" + name)
		if err != nil {
			panic(fmt.Sprintf("local: embedded font: %v", err))
		}
		f, err := sfnt.Parse(data)
		if err != nil {
			panic(fmt.Sprintf("local: embedded font %s: %v", name, err))
		}
		return f
	}
	return &typefaces{
		display: load("Anton-Regular.ttf"),
		text:    load("RobotoCondensed-Black.ttf"),
		icons:   load("Phosphor-Fill-subset.ttf"),
	}
}

// emPixels is the size at which outlines are read; they are scaled from there, unhinted.
const emPixels = 1024

// glyph is a shape of a font and where it stands in its run, in ems.
type glyph struct {
	font  *sfnt.Font
	index sfnt.GlyphIndex
	x     float64
}

// run is a shaped piece of text. All measures are in ems of the size at which it will be drawn.
type run struct {
	glyphs []glyph
	width  float64 // advance, without the space after the last glyph
	top    float64 // ink above the baseline, at least the height of a capital
	bottom float64 // ink below the baseline, 0 or more
}

// typesetter shapes text in the first of its fonts that has the character. For one goroutine.
type typesetter struct {
	fonts    []*sfnt.Font
	tracking float64 // extra space between characters, ems
	buf      sfnt.Buffer
}

// has tells whether some font can draw r.
func (t *typesetter) has(r rune) bool {
	_, _, ok := t.find(r)
	return ok
}

func (t *typesetter) find(r rune) (*sfnt.Font, sfnt.GlyphIndex, bool) {
	for _, f := range t.fonts {
		if i, err := f.GlyphIndex(&t.buf, r); err == nil && i != 0 {
			return f, i, true
		}
	}
	return nil, 0, false
}

// shape places the characters of s side by side; those that no font has are left out.
func (t *typesetter) shape(s string) run {
	const ppem = emPixels << 6
	var out run
	x := 0.0
	for _, r := range s {
		f, i, ok := t.find(r)
		if !ok {
			continue
		}
		bounds, advance, err := f.GlyphBounds(&t.buf, i, ppem, font.HintingNone)
		if err != nil {
			continue
		}
		out.glyphs = append(out.glyphs, glyph{f, i, x})
		out.top = max(out.top, -ems(bounds.Min.Y))
		out.bottom = max(out.bottom, ems(bounds.Max.Y))
		x += ems(advance)
		out.width = x
		x += t.tracking
	}
	if capital, err := t.capHeight(); err == nil {
		out.top = max(out.top, capital)
	}
	return out
}

func (t *typesetter) capHeight() (float64, error) {
	m, err := t.fonts[0].Metrics(&t.buf, emPixels<<6, font.HintingNone)
	return ems(m.CapHeight), err
}

// trace adds the outlines of r to the path of dc, with the baseline starting at (x, y), size pixels to the em.
func (t *typesetter) trace(dc *gg.Context, r run, x, y, size float64) {
	for _, g := range r.glyphs {
		segments, err := g.font.LoadGlyph(&t.buf, g.index, emPixels<<6, nil)
		if err != nil {
			continue // a shape that can't be read is left blank, as in a browser
		}
		at := func(p fixed.Point26_6) (float64, float64) {
			return x + (g.x+ems(p.X))*size, y + ems(p.Y)*size
		}
		open := false
		for _, s := range segments {
			x1, y1 := at(s.Args[0])
			switch s.Op {
			case sfnt.SegmentOpMoveTo:
				if open {
					dc.ClosePath()
				}
				dc.MoveTo(x1, y1)
				open = true
			case sfnt.SegmentOpLineTo:
				dc.LineTo(x1, y1)
			case sfnt.SegmentOpQuadTo:
				x2, y2 := at(s.Args[1])
				dc.QuadraticTo(x1, y1, x2, y2)
			case sfnt.SegmentOpCubeTo:
				x2, y2 := at(s.Args[1])
				x3, y3 := at(s.Args[2])
				dc.CubicTo(x1, y1, x2, y2, x3, y3)
			}
		}
		if open {
			dc.ClosePath()
		}
	}
}

func ems(v fixed.Int26_6) float64 { return float64(v) / (emPixels << 6) }
