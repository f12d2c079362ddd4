package local

import (
	"image"
	"image/color"
	"math"

	"git.sr.ht/~sbinet/gg"
)

// texture gives the ground its character.
type texture func(*stage)

// light returns the colour of bright shapes on the ground, at opacity a.
func (s *stage) light(a float64) color.NRGBA {
	if s.pal.light {
		return fade(color.RGBA{255, 255, 255, 255}, min(1, a*2.5))
	}
	return fade(s.pal.glow, a)
}

func rays(s *stage) {
	n := 11 + s.rng.IntN(6)
	x, y, far := s.plan.subject.x, s.plan.subject.y, s.w+s.h
	from := s.between(0, math.Pi)
	for i := range n {
		a := from + 2*math.Pi*float64(i)/float64(n)
		half := math.Pi / float64(n) * s.between(0.42, 0.58)
		s.dc.MoveTo(x, y)
		s.dc.LineTo(x+far*math.Cos(a-half), y+far*math.Sin(a-half))
		s.dc.LineTo(x+far*math.Cos(a+half), y+far*math.Sin(a+half))
		s.dc.ClosePath()
	}
	s.fill(s.light(0.34))
}

func halftone(s *stage) {
	step := 25 * s.u
	corner := s.rng.IntN(2)
	for j, y := 0, 0.0; y < s.h+step; j, y = j+1, y+step*0.5 {
		for x := float64(j%2) * step / 2; x < s.w+step; x += step {
			d := (y/s.h + math.Abs(float64(corner)-x/s.w)) / 2
			if r := step * 0.5 * smooth((d-0.38)/0.62); r > 0.6*s.u {
				s.dc.DrawCircle(x, y, r)
			}
			if r := step * 0.42 * smooth((0.36-d)/0.5); r > 0.6*s.u {
				s.dc.DrawCircle(x, y, r)
			}
		}
	}
	s.fill(fade(mix(s.pal.deep, s.pal.pop, 0.35), 0.5))
}

func speedlines(s *stage) {
	x, y := s.plan.subject.x, s.plan.subject.y
	near, far := 0.36*math.Min(s.w, s.h), s.w+s.h
	for range 64 {
		a, r := s.between(0, 2*math.Pi), near*s.between(1, 2.2)
		half := s.between(0.003, 0.017)
		s.dc.MoveTo(x+r*math.Cos(a), y+r*math.Sin(a))
		s.dc.LineTo(x+far*math.Cos(a-half), y+far*math.Sin(a-half))
		s.dc.LineTo(x+far*math.Cos(a+half), y+far*math.Sin(a+half))
		s.dc.ClosePath()
	}
	s.fill(s.light(0.5))
}

func beams(s *stage) {
	s.soft(16*s.u, s.img.Bounds(), func(dc *gg.Context, _ *image.RGBA, _ float64) {
		for range 5 {
			top, foot, width := s.between(0.1, 0.9)*s.w, s.plan.subject.x+s.between(-0.5, 0.5)*s.w, s.between(0.05, 0.16)*s.w
			dc.MoveTo(top-width*0.15, -0.1*s.h)
			dc.LineTo(top+width*0.15, -0.1*s.h)
			dc.LineTo(foot+width, 1.1*s.h)
			dc.LineTo(foot-width, 1.1*s.h)
			dc.ClosePath()
			dc.SetColor(s.light(0.16))
			dc.Fill()
		}
	})
	s.embers(40)
}

// embers strews small lights.
func (s *stage) embers(n int) {
	for range n {
		s.dc.DrawCircle(s.between(0, s.w), s.between(0, s.h), s.between(1, 3.4)*s.u)
		s.fill(fade(s.pal.accent, s.between(0.2, 0.75)))
	}
}

func smoke(s *stage) {
	s.soft(42*s.u, s.img.Bounds(), func(dc *gg.Context, _ *image.RGBA, _ float64) {
		for range 14 {
			dc.DrawEllipse(s.between(0, s.w), s.between(0.35, 1.1)*s.h, s.between(0.06, 0.2)*s.w, s.between(0.05, 0.14)*s.h)
			dc.SetColor(s.light(s.between(0.08, 0.28)))
			dc.Fill()
		}
	})
	s.embers(30)
}

func bokeh(s *stage) {
	for i := range 26 {
		r := s.between(12, 74) * s.u
		x, y := s.between(0, s.w), s.between(0, s.h)
		c := s.pal.glow
		if i%3 == 0 {
			c = s.pal.accent
		}
		s.dc.DrawCircle(x, y, r)
		s.fill(fade(c, s.between(0.05, 0.2)))
		s.dc.DrawCircle(x, y, r)
		s.stroke(fade(c, 0.16), 2*s.u)
	}
}

// horizon is the sun over a grid of the eighties.
func horizon(s *stage) {
	line := s.h * 0.66
	x, y, r := s.plan.subject.x, line-0.16*s.h, 0.40*math.Min(s.w, s.h)
	s.glow(x, y, 2*r, s.pal.pop, 0.55)
	const slices = 48
	for i := range slices {
		top, bottom := -1+2*float64(i)/slices, -1+2*float64(i+1)/slices
		if y+top*r > line {
			break
		}
		if cut := 7.0; top > 0 && math.Mod(float64(i), cut) < (top*cut*0.6) {
			continue // the stripes grow towards the foot
		}
		s.dc.MoveTo(x-r*chord(top), y+top*r)
		s.dc.LineTo(x+r*chord(top), y+top*r)
		s.dc.LineTo(x+r*chord(bottom), math.Min(y+bottom*r, line))
		s.dc.LineTo(x-r*chord(bottom), math.Min(y+bottom*r, line))
		s.dc.ClosePath()
		s.fill(mix(s.pal.accent, s.pal.pop, (top+1)/2))
	}
	s.dc.DrawRectangle(0, line, s.w, s.h-line)
	s.fill(fade(mix(s.pal.deep, s.pal.line, 0.4), 0.92))
	for i := -24; i <= 24; i++ {
		s.dc.DrawLine(x+float64(i)*0.035*s.w, line, x+float64(i)*0.22*s.w, s.h)
	}
	for d := 0.02; d < 1; d *= 1.42 {
		s.dc.DrawLine(0, line+d*(s.h-line), s.w, line+d*(s.h-line))
	}
	s.stroke(fade(s.pal.accent, 0.55), 2.2*s.u)
	s.dc.DrawLine(0, line, s.w, line)
	s.stroke(s.pal.accent, 3.5*s.u)
	s.embers(24)
}

func chord(t float64) float64 { return math.Sqrt(math.Max(0, 1-t*t)) }

func rings(s *stage) {
	for i := 9; i > 0; i-- {
		r := float64(i) * 0.115 * math.Min(s.w, s.h)
		s.dc.DrawCircle(s.plan.subject.x, s.plan.subject.y, r)
		s.fill(s.light(0.075))
		s.dc.DrawCircle(s.plan.subject.x, s.plan.subject.y, r)
		s.stroke(s.light(0.28), 1.8*s.u)
	}
	s.embers(18)
}

func dots(s *stage) {
	step := 36 * s.u
	for y := step / 2; y < s.h; y += step {
		for x := step / 2; x < s.w; x += step {
			s.dc.DrawCircle(x, y, 2.6*s.u)
		}
	}
	s.fill(fade(mix(s.pal.base, s.pal.ink, 0.5), 0.22))
}

func slabs(s *stage) {
	lean, width := 0.42*s.h, 0.13*s.w
	for i, x := 0, -lean; x < s.w+lean; i, x = i+1, x+width*1.3 {
		s.dc.MoveTo(x+lean, 0)
		s.dc.LineTo(x+lean+width, 0)
		s.dc.LineTo(x+width, s.h)
		s.dc.LineTo(x, s.h)
		s.dc.ClosePath()
		s.fill(s.light([]float64{0.12, 0.26, 0.06}[i%3]))
	}
}

func arcs(s *stage) {
	r := 0.62 * math.Min(s.w, s.h)
	s.dc.DrawCircle(s.w*0.02, s.h*1.02, r*0.62)
	s.fill(fade(s.pal.accent, 0.16))
	s.dc.DrawCircle(s.w*1.0, s.h*-0.02, r*0.5)
	s.fill(fade(s.pal.pop, 0.20))
	for i := range 4 {
		s.dc.DrawCircle(s.w*1.0, s.h*-0.02, r*(0.62+0.11*float64(i)))
		s.stroke(fade(s.pal.pop, 0.28), 3*s.u)
	}
}

func blobs(s *stage) {
	for i := range 6 {
		x, y, r := s.between(0, s.w), s.between(0, s.h), s.between(0.16, 0.36)*math.Min(s.w, s.h)
		phase, waves := s.between(0, 6), 3+float64(s.rng.IntN(3))
		for k := range 72 {
			a := 2 * math.Pi * float64(k) / 72
			d := r * (1 + 0.16*math.Sin(waves*a+phase) + 0.07*math.Sin(2*a+2*phase))
			s.dc.LineTo(x+d*math.Cos(a), y+d*math.Sin(a))
		}
		s.dc.ClosePath()
		if i%3 == 2 {
			s.fill(fade(s.pal.accent, 0.13))
		} else {
			s.fill(s.light(0.2))
		}
	}
}

func hills(s *stage) {
	s.glow(s.plan.subject.x, s.plan.subject.y, 0.5*s.w, s.pal.accent, 0.5)
	for i := range 4 {
		level := s.h * (0.55 + 0.13*float64(i))
		phase, length := s.between(0, 6), s.between(1.1, 2.4)
		s.dc.MoveTo(0, s.h)
		for k := range 65 {
			t := float64(k) / 64
			rise := math.Sin(t*length*2*math.Pi+phase) + 0.35*math.Sin(t*length*5*math.Pi+2*phase)
			s.dc.LineTo(t*s.w, level-rise*0.06*s.h)
		}
		s.dc.LineTo(s.w, s.h)
		s.dc.ClosePath()
		s.fill(fade(mix(s.pal.base, s.pal.deep, 0.35+0.2*float64(i)), 0.85))
	}
}
