package local

import (
	"image"
	"image/color"
	"math"

	"git.sr.ht/~sbinet/gg"
	"golang.org/x/image/draw"
	"golang.org/x/image/font/sfnt"
)

// portrait is pic in a circle of the given diameter, in a white and a coloured ring.
func (s *stage) portrait(pic image.Image, diameter float64) *image.RGBA {
	side := int(diameter) + 4
	dc := gg.NewContext(side, side)
	c := float64(side) / 2
	for _, ring := range []struct {
		inset float64
		color color.RGBA
	}{{0, s.pal.dark()}, {0.012, s.pal.bright()}, {0.045, s.pal.accent}} {
		dc.DrawCircle(c, c, diameter*(0.5-ring.inset))
		dc.SetColor(ring.color)
		dc.Fill()
	}
	mask := gg.NewContext(side, side)
	mask.DrawCircle(c, c, diameter*(0.5-0.062))
	mask.Fill()
	return inlay(dc, mask, pic, diameter*0.062)
}

// card is pic in a white frame with round corners.
func (s *stage) card(pic image.Image, w, h float64) *image.RGBA {
	dc := gg.NewContext(int(w)+4, int(h)+4)
	frame := 0.035 * math.Max(w, h)
	dc.DrawRoundedRectangle(2, 2, w, h, frame*1.3)
	dc.SetColor(s.pal.bright())
	dc.Fill()
	mask := gg.NewContext(int(w)+4, int(h)+4)
	mask.DrawRoundedRectangle(2+frame, 2+frame, w-2*frame, h-2*frame, frame*0.6)
	mask.Fill()
	return inlay(dc, mask, pic, frame)
}

// inlay draws pic, inset pixels from the edges of dc, where mask is set.
func inlay(dc, mask *gg.Context, pic image.Image, inset float64) *image.RGBA {
	out := dc.Image().(*image.RGBA)
	r := out.Bounds().Inset(int(inset))
	draw.DrawMask(out, r, cover(pic, r.Dx(), r.Dy()), image.Point{}, mask.AsMask(), r.Min, draw.Over)
	return out
}

// sticker is a pictogram of the given size and colour with a fat outline, as cut from a sheet.
func (s *stage) sticker(code rune, size float64, c color.RGBA) *image.RGBA {
	side := int(size * 1.3)
	dc := gg.NewContext(side, side)
	setter := &typesetter{fonts: []*sfnt.Font{s.faces.icons}}
	trace := func(drop float64) {
		// The icon font draws on a square of one em that stands on the descender line.
		setter.trace(dc, setter.shape(string(code)), (float64(side)-size)/2, (float64(side)+size)/2-iconDescent*size+drop*size, size)
	}
	for _, layer := range []struct {
		drop, width float64
		color       color.RGBA
	}{{0.045, 0.15, s.pal.dark()}, {0.02, 0.15, s.pal.dark()}, {0, 0.15, s.pal.bright()}, {0.012, 0.04, s.pal.dark()}, {0, 0.04, s.pal.dark()}} {
		trace(layer.drop)
		dc.SetColor(layer.color)
		dc.SetLineWidth(layer.width * size)
		dc.StrokePreserve()
		dc.Fill()
	}
	trace(0)
	dc.SetFillStyle(newRamp((float64(side)-size)/2, (float64(side)+size)/2, lit(c, 0.09, 12), lit(c, -0.12, -24)))
	dc.Fill()
	return dc.Image().(*image.RGBA)
}

// iconDescent is the part of the icon font's square below the baseline, ems.
const iconDescent = 0.0625

// burst puts a many-pointed star, or another shape, behind the subject.
func (s *stage) burst(at spot) {
	kind := s.rng.IntN(3)
	if s.mood.tilt < 2 {
		kind = 2 // a calm mood, a calm shape
	}
	turn := s.between(0, math.Pi)
	trace := func(r float64) {
		switch kind {
		case 0:
			const points = 16
			for i := range 2 * points {
				d := r * 1.18
				if i%2 == 1 {
					d = r * 0.98
				}
				a := turn + math.Pi*float64(i)/points
				s.dc.LineTo(at.x+d*math.Cos(a), at.y+d*math.Sin(a))
			}
		case 1:
			for i := range 180 {
				a := 2 * math.Pi * float64(i) / 180
				d := r * (1.08 + 0.06*math.Sin(9*a+turn))
				s.dc.LineTo(at.x+d*math.Cos(a), at.y+d*math.Sin(a))
			}
		default:
			s.dc.DrawCircle(at.x, at.y, r*1.07)
			return
		}
		s.dc.ClosePath()
	}
	s.soft(14*s.u, image.Rect(int(at.x-1.3*at.r), int(at.y-1.3*at.r), int(at.x+1.3*at.r), int(at.y+1.3*at.r)), func(dc *gg.Context, _ *image.RGBA, _ float64) {
		dc.DrawCircle(at.x+4*s.u, at.y+12*s.u, at.r*1.08)
		dc.SetColor(fade(s.pal.dark(), 0.5))
		dc.Fill()
	})
	trace(at.r + 5*s.u)
	s.fill(s.pal.dark())
	trace(at.r)
	s.fill(s.pal.pop)
	trace(at.r * 0.9)
	s.fill(mix(s.pal.pop, s.pal.bright(), 0.2))
}

// sparks strews small stickers around the subject.
func (s *stage) sparks(at spot, n int) {
	code := []rune{'\ue46a', '\ue2de'}[s.rng.IntN(2)]
	from := s.between(0, 2*math.Pi)
	if s.mood.tilt < 2 {
		return
	}
	for i := range n {
		a := from + 2*math.Pi*float64(i)/float64(n) + s.between(-0.25, 0.25)
		d, size := at.r*s.between(1.12, 1.3), at.r*s.between(0.13, 0.3)
		x, y := at.x+d*math.Cos(a), at.y+d*math.Sin(a)
		x, y = min(max(x, size), s.w-size), min(max(y, size), s.h-size)
		turn := s.between(-0.5, 0.5)
		if t := s.plan.text; x+size < t.x || x-size > t.x+t.w || y+size < t.y || y-size > t.y+t.h {
			s.put(s.sticker(code, size, s.pal.accent), x, y, turn)
		}
	}
}
