package local

import (
	"image"
	"image/color"

	"git.sr.ht/~sbinet/gg"
)

// write draws the lettering.
func (s *stage) write(l lettering) {
	s.dc.Push()
	defer s.dc.Pop()
	s.dc.RotateAbout(l.angle, l.cx, l.cy)
	s.soft(11*s.u, l.area(), func(dc *gg.Context, small *image.RGBA, scale float64) {
		dc.RotateAbout(l.angle, l.cx, l.cy)
		for _, ln := range l.headline.lines {
			l.trace(dc, ln, 0.03*ln.size, 0.05*ln.size)
			dc.SetColor(color.Black)
			dc.SetLineWidth(0.2 * ln.size * scale)
			dc.StrokePreserve()
			dc.Fill()
		}
		strength := 0.75
		if s.pal.light {
			strength = 0.4
		}
		tint(small, fade(s.pal.dark(), strength))
	})
	if l.style == plated {
		s.plates(l)
	} else {
		s.outlines(l)
	}
	s.band(l)
}

// trace adds a line's words to the path of dc.
func (l *lettering) trace(dc *gg.Context, ln line, dx, dy float64) {
	for i := range ln.words {
		l.traceWord(dc, ln, i, dx, dy)
	}
}

func (l *lettering) traceWord(dc *gg.Context, ln line, i int, dx, dy float64) {
	l.headSetter.trace(dc, ln.words[i].run, l.x+ln.offset(i, l.headline.spacing)+dx, l.y+ln.y+dy, ln.size)
}

// offset is where word i starts, in pixels from the block's left edge.
func (ln *line) offset(i int, sp spacing) float64 {
	x := ln.x
	for _, w := range ln.words[:i] {
		x += (w.width + sp.space) * ln.size
	}
	return x
}

// outlines draws the headline in letters with an outline.
func (s *stage) outlines(l lettering) {
	const width = 0.115 // ems; half of it lies outside the letters
	for _, ln := range l.headline.lines {
		s.dc.SetColor(s.pal.line)
		s.dc.SetLineWidth(width * ln.size)
		for _, drop := range []float64{0.055, 0.03, 0} {
			if s.pal.light && drop > 0 {
				continue
			}
			l.trace(s.dc, ln, drop*0.6*ln.size, drop*ln.size)
			s.dc.StrokePreserve()
			s.dc.Fill()
		}
	}
	for _, ln := range l.headline.lines {
		for i, w := range ln.words {
			c := s.pal.ink
			if w.key && l.style == boxed {
				s.box(l, ln, i)
				c = s.pal.onto(s.pal.accent)
			} else if w.key {
				c = s.pal.accent
			}
			shade := mix(c, s.pal.base, 0.16)
			if w.key && l.style == boxed || s.pal.light {
				shade = c
			}
			l.traceWord(s.dc, ln, i, 0, 0)
			y := l.y + ln.y
			s.dc.SetFillStyle(newRamp(y-0.55*ln.size, y, c, shade))
			s.dc.Fill()
		}
	}
}

// box puts word i of ln on a leaning box.
func (s *stage) box(l lettering, ln line, i int) {
	w := ln.words[i]
	x, y := l.x+ln.offset(i, l.headline.spacing), l.y+ln.y
	const padX, padY, lean = 0.1, 0.075, 0.03
	dark := s.pal.dark()
	for _, drop := range []float64{0.045, 0} {
		s.parallelogram(x-padX*ln.size+drop*0.6*ln.size, y-(ln.top+padY)*ln.size+drop*ln.size, (w.width+2*padX)*ln.size,
			(ln.top+ln.bottom+2*padY)*ln.size, lean*ln.size)
		if drop > 0 {
			s.fill(dark)
		} else {
			s.fill(s.pal.accent)
		}
	}
}

// plates draws the headline on plates: first all their shadows, then the plates with their letters.
func (s *stage) plates(l lettering) {
	for pass := range 2 {
		for _, ln := range l.headline.lines {
			plate := s.pal.bright()
			for _, w := range ln.words {
				if w.key {
					plate = s.pal.accent
				}
			}
			x, y := l.x+ln.x-0.14*ln.size, l.y+ln.y-(ln.top+0.085)*ln.size
			w, h := (ln.width+0.28)*ln.size, (ln.top+ln.bottom+0.17)*ln.size
			if pass == 0 {
				s.parallelogram(x+0.025*ln.size, y+0.04*ln.size, w, h, 0.03*ln.size)
				s.fill(s.pal.dark())
				continue
			}
			s.parallelogram(x, y, w, h, 0.03*ln.size)
			s.fill(plate)
			l.trace(s.dc, ln, 0, 0)
			s.fill(s.pal.onto(plate))
		}
	}
}

// band draws the subtext on its band.
func (s *stage) band(l lettering) {
	if len(l.sub.lines) == 0 {
		return
	}
	ground := s.pal.pop
	if l.style == plated {
		ground = s.pal.dark()
	}
	size := l.sub.lines[0].size
	s.dc.DrawRoundedRectangle(l.subX+0.05*size, l.subY+0.05*size, l.sub.w-0.1*size, l.sub.h-0.1*size, 0.22*size)
	s.fill(ground)
	for _, ln := range l.sub.lines {
		for i, w := range ln.words {
			l.subSetter.trace(s.dc, w.run, l.subX+ln.offset(i, l.sub.spacing), l.subY+ln.y, ln.size)
		}
	}
	s.fill(s.pal.onto(ground))
}

// parallelogram adds a box whose top leans right by lean pixels and whose foot leans left.
func (s *stage) parallelogram(x, y, w, h, lean float64) {
	s.dc.MoveTo(x+lean, y)
	s.dc.LineTo(x+w+lean, y)
	s.dc.LineTo(x+w-lean, y+h)
	s.dc.LineTo(x-lean, y+h)
	s.dc.ClosePath()
}

// ramp is a vertical gradient; its colours are boxed once, not for each pixel.
type ramp struct {
	y0, y1  float64
	colours []color.Color
}

func newRamp(y0, y1 float64, top, bottom color.RGBA) ramp {
	const steps = 48
	r := ramp{y0, y1, make([]color.Color, steps)}
	for i := range r.colours {
		r.colours[i] = mix(top, bottom, float64(i)/(steps-1))
	}
	return r
}

// ColorAt implements gg.Pattern.
func (r ramp) ColorAt(_, y int) color.Color {
	t := (float64(y) - r.y0) / (r.y1 - r.y0)
	n := len(r.colours) - 1
	return r.colours[int(min(max(t, 0), 1)*float64(n))]
}
