package local

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"

	"git.sr.ht/~sbinet/gg"
	"golang.org/x/image/draw"
	"golang.org/x/image/math/f64"
)

// stage is one picture in the making.
type stage struct {
	dc    *gg.Context
	img   *image.RGBA // what dc draws on
	w, h  float64     // pixels
	u     float64     // the unit of thickness: one pixel at 1280x720
	rng   *rand.Rand
	pal   palette
	mood  mood
	faces *typefaces
	plan  plan
}

func newStage(w, h int, faces *typefaces, rng *rand.Rand) *stage {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	return &stage{
		dc: gg.NewContextForRGBA(img), img: img, faces: faces, rng: rng,
		w: float64(w), h: float64(h), u: math.Sqrt(float64(w)*float64(h)) / 960,
	}
}

// between draws a number from lo to hi.
func (s *stage) between(lo, hi float64) float64 { return lo + (hi-lo)*s.rng.Float64() }

// fill fills the current path.
func (s *stage) fill(c color.Color) {
	s.dc.SetColor(c)
	s.dc.Fill()
}

// stroke strokes the current path, width pixels wide.
func (s *stage) stroke(c color.Color, width float64) {
	s.dc.SetColor(c)
	s.dc.SetLineWidth(width)
	s.dc.Stroke()
}

// soft paints what shape draws inside area, out of focus by about radius pixels. shape works in the picture's
// coordinates on a smaller canvas, since a blur hides the difference; line widths it multiplies by scale itself.
func (s *stage) soft(radius float64, area image.Rectangle, shape func(dc *gg.Context, small *image.RGBA, scale float64)) {
	k := max(1, math.Floor(radius/3))
	pad := int(3 * radius)
	area = area.Inset(-pad).Intersect(s.img.Bounds().Inset(-pad))
	if area.Empty() {
		return
	}
	w, h := int(math.Ceil(float64(area.Dx())/k)), int(math.Ceil(float64(area.Dy())/k))
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	dc := gg.NewContextForRGBA(small)
	dc.Scale(1/k, 1/k)
	dc.Translate(-float64(area.Min.X), -float64(area.Min.Y))
	shape(dc, small, 1/k)
	blur(small, int(math.Round(radius/k)))
	to := f64.Aff3{k, 0, float64(area.Min.X), 0, k, float64(area.Min.Y)}
	draw.ApproxBiLinear.Transform(s.img, to, small, small.Bounds(), draw.Over, nil)
}

// put lays sprite on the picture, its centre on (x, y), turned by angle (radians, clockwise), above a soft shadow.
func (s *stage) put(sprite *image.RGBA, x, y, angle float64) {
	b := sprite.Bounds()
	w, h := float64(b.Dx()), float64(b.Dy())
	reach := int(math.Hypot(w, h)/2) + 1
	area := image.Rect(int(x)-reach, int(y)-reach, int(x)+reach, int(y)+reach)
	turned := func(x, y, scale float64) f64.Aff3 {
		sin, cos := math.Sincos(angle)
		sin, cos = sin*scale, cos*scale
		return f64.Aff3{cos, -sin, x - cos*w/2 + sin*h/2, sin, cos, y - sin*w/2 - cos*h/2}
	}
	s.soft(13*s.u, area, func(dc *gg.Context, small *image.RGBA, scale float64) {
		sx, sy := dc.TransformPoint(x+5*s.u, y+12*s.u)
		draw.ApproxBiLinear.Transform(small, turned(sx, sy, scale), sprite, b, draw.Over, nil)
		tint(small, fade(s.pal.dark(), 0.6))
	})
	draw.ApproxBiLinear.Transform(s.img, turned(x, y, 1), sprite, b, draw.Over, nil)
}

// tint replaces the colours of img by c, keeping its shape.
func tint(img *image.RGBA, c color.NRGBA) {
	for i := 0; i < len(img.Pix); i += 4 {
		a := uint32(img.Pix[i+3]) * uint32(c.A) / 255
		img.Pix[i] = uint8(uint32(c.R) * a / 255)
		img.Pix[i+1] = uint8(uint32(c.G) * a / 255)
		img.Pix[i+2] = uint8(uint32(c.B) * a / 255)
		img.Pix[i+3] = uint8(a)
	}
}

// blur softens img in place: three box filters are close to a Gaussian whose deviation is the radius (W. M. Wells,
// "Efficient Synthesis of Gaussian Filters by Cascaded Uniform Filters", 1986).
func blur(img *image.RGBA, radius int) {
	if radius < 1 {
		return
	}
	w, h := img.Rect.Dx(), img.Rect.Dy()
	line := make([]uint8, 4*max(w, h))
	for range 3 {
		for y := range h {
			boxLine(img.Pix[y*img.Stride:], 4, w, radius, line)
		}
		for x := range w {
			boxLine(img.Pix[4*x:], img.Stride, h, radius, line)
		}
	}
}

// boxLine averages n pixels that lie step bytes apart over 2*radius+1 neighbours; beyond the ends the last one repeats.
func boxLine(pix []uint8, step, n, radius int, line []uint8) {
	for i := range n {
		copy(line[4*i:4*i+4], pix[i*step:i*step+4])
	}
	size := uint32(2*radius + 1)
	var sum [4]uint32
	for i := -radius; i <= radius; i++ {
		at := 4 * min(max(i, 0), n-1)
		for c := range sum {
			sum[c] += uint32(line[at+c])
		}
	}
	for i := range n {
		out, in := 4*max(i-radius, 0), 4*min(i+radius+1, n-1)
		for c := range sum {
			pix[i*step+c] = uint8((sum[c] + size/2) / size)
			sum[c] += uint32(line[in+c]) - uint32(line[out+c])
		}
	}
}
