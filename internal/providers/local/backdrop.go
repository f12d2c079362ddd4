package local

import (
	"image"
	"image/color"
	"math"

	"golang.org/x/image/draw"
)

// ground paints the gradient: light where the subject stands, dark towards the corners, with a fine grain that keeps the
// eye from seeing bands.
func (s *stage) ground() {
	const steps = 1024
	var ramp [steps]color.RGBA
	for i := range ramp {
		t := float64(i) / (steps - 1)
		if t < 0.5 {
			ramp[i] = mix(s.pal.deep, s.pal.base, t*2)
		} else {
			ramp[i] = mix(s.pal.base, s.pal.glow, t*2-1)
		}
	}
	sin, cos := math.Sincos(s.between(0, 2*math.Pi))
	reach := 1 / (0.30 * (s.w*s.w + s.h*s.h))
	noise := s.rng.Uint32() | 1
	for y := range int(s.h) {
		row := s.img.Pix[y*s.img.Stride:][:4*int(s.w)]
		dy := float64(y) - s.plan.subject.y
		tilt := 0.08*sin*dy/s.h + 0.02
		for x := 0; x < len(row); x += 4 {
			dx := float64(x/4) - s.plan.subject.x
			t := 1/(1+3.2*(dx*dx+dy*dy)*reach) + tilt + 0.08*cos*dx/s.w
			c := ramp[int(min(max((t-0.2)*1.2, 0), 1)*(steps-1))]
			// xorshift32 (G. Marsaglia, "Xorshift RNGs", 2003)
			noise ^= noise << 13
			noise ^= noise >> 17
			noise ^= noise << 5
			grain := int(noise&3) - int(noise>>2&1) - 1
			row[x], row[x+1], row[x+2], row[x+3] = shift(c.R, grain), shift(c.G, grain), shift(c.B, grain), 255
		}
	}
}

func shift(v uint8, by int) uint8 { return uint8(min(max(int(v)+by, 0), 255)) }

// vignette darkens the corners, so that the eye stays on the middle.
func (s *stage) vignette(strength float64) {
	const side = 96
	mask := image.NewRGBA(image.Rect(0, 0, side, side))
	c := s.pal.dark()
	for y := range side {
		for x := range side {
			dx, dy := float64(x)/(side-1)*2-1, float64(y)/(side-1)*2-1
			a := strength * smooth((math.Hypot(dx, dy)-0.75)/0.7)
			mask.Set(x, y, fade(c, a))
		}
	}
	draw.ApproxBiLinear.Scale(s.img, s.img.Bounds(), mask, mask.Bounds(), draw.Over, nil)
}

// glow lays a soft light of the given radius on (x, y).
func (s *stage) glow(x, y, radius float64, c color.RGBA, strength float64) {
	const side = 64
	light := image.NewRGBA(image.Rect(0, 0, side, side))
	for j := range side {
		for i := range side {
			d := math.Hypot(float64(i)-(side-1)/2.0, float64(j)-(side-1)/2.0) / (side / 2)
			light.Set(i, j, fade(c, strength*smooth(1-d)))
		}
	}
	r := image.Rect(int(x-radius), int(y-radius), int(x+radius), int(y+radius))
	draw.ApproxBiLinear.Scale(s.img, r, light, light.Bounds(), draw.Over, nil)
}

// photograph fills the picture with pic, out of focus by out pixels, and tinted with the palette by grade, from 0 to 1, so
// that the headline keeps its contrast.
func (s *stage) photograph(pic image.Image, out, grade float64) {
	full := cover(pic, int(s.w), int(s.h))
	if out > 0 {
		k := max(1, int(out/3))
		small := image.NewRGBA(image.Rect(0, 0, max(1, int(s.w)/k), max(1, int(s.h)/k)))
		draw.ApproxBiLinear.Scale(small, small.Bounds(), full, full.Bounds(), draw.Src, nil)
		blur(small, int(out)/k)
		draw.ApproxBiLinear.Scale(s.img, s.img.Bounds(), small, small.Bounds(), draw.Src, nil)
	} else {
		draw.Draw(s.img, s.img.Bounds(), full, image.Point{}, draw.Src)
	}
	s.dc.DrawRectangle(0, 0, s.w, s.h)
	s.fill(fade(mix(s.pal.deep, s.pal.base, 0.5), grade))
}

// scrim shades the picture from the height y0, where it is densest, to y1, where it ends.
func (s *stage) scrim(y0, y1, strength float64) {
	const side = 96
	mask := image.NewRGBA(image.Rect(0, 0, 2, side))
	c := s.pal.deep
	if !s.pal.light {
		c = mix(s.pal.deep, s.pal.line, 0.5)
	}
	for y := range side {
		t := (float64(y)/(side-1)*s.h - y0) / (y1 - y0)
		for x := range 2 {
			mask.Set(x, y, fade(c, strength*smooth(1-t)))
		}
	}
	draw.ApproxBiLinear.Scale(s.img, s.img.Bounds(), mask, mask.Bounds(), draw.Over, nil)
}

// smooth eases t from 0 to 1 and clamps it.
func smooth(t float64) float64 {
	t = min(max(t, 0), 1)
	return t * t * (3 - 2*t)
}
