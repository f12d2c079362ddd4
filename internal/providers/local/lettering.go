package local

import (
	"image"
	"math"

	"golang.org/x/image/font/sfnt"
)

// style is a way to set a headline.
type style int

const (
	outlined style = iota // fat outline and a solid drop, the key word in the accent colour
	boxed                 // the same, the key word on a box
	plated                // each line on its own plate
)

// lettering is a headline with its subtext, set and placed: a stack of two that turns by angle about (cx, cy).
type lettering struct {
	style                 style
	headSetter, subSetter *typesetter
	headline, sub         block
	x, y                  float64 // of the headline's top left corner, before the turn
	subX, subY            float64
	angle                 float64 // radians, clockwise
	cx, cy                float64
	w, h                  float64 // of the turned stack
}

// letter sets the texts as large as the plan's box allows.
func (s *stage) letter(headline, subtext string) lettering {
	p := s.plan
	l := lettering{
		style:      p.style,
		angle:      p.tilt,
		headSetter: &typesetter{fonts: []*sfnt.Font{s.faces.display, s.faces.text}, tracking: 0.012},
		subSetter:  &typesetter{fonts: []*sfnt.Font{s.faces.text, s.faces.display}},
	}
	sp := spacing{padX: 0.12, padY: 0.115, gap: -0.06, space: 0.24, most: 1.7, align: p.align}
	switch p.style {
	case boxed:
		sp.padX, sp.padY, sp.gap = 0.165, 0.125, 0
	case plated:
		sp.padX, sp.padY, sp.gap, sp.most = 0.2, 0.13, -0.04, 1.35
	case outlined:
	}
	words, below := l.headSetter.words(headline, true), l.subSetter.words(subtext, false)
	room := p.text.h
	if len(below) > 0 {
		height, largest := 0.22*room, 0.058*math.Sqrt(s.w*s.h)
		if len(words) == 0 {
			height, largest = room, 2*largest
		}
		l.sub = fit(below, p.text.w*0.94, height, largest, spacing{padX: 0.55, padY: 0.3, space: 0.25, most: 1, align: p.align})
		room -= l.sub.h * (1 + subGap)
	}
	if len(words) > 0 {
		l.headline = fit(words, p.text.w, room, p.text.h, sp)
	}
	l.place(p)
	return l
}

// subGap is the space above the subtext, in parts of its height.
const subGap = 0.18

// place stacks the two blocks, turns them, shrinks them until the turned stack fits and puts it where the plan wants it.
func (l *lettering) place(p plan) {
	sin, cos := math.Sincos(math.Abs(l.angle))
	w, h := l.stack()
	if w == 0 {
		return
	}
	k := math.Min(1, math.Min(p.text.w/(w*cos+h*sin), p.text.h/(w*sin+h*cos)))
	l.headline.scale(k)
	l.sub.scale(k)
	w, h = l.stack()
	l.w, l.h = w*cos+h*sin, w*sin+h*cos
	l.cx = p.text.x + l.w/2 + (p.text.w-l.w)*p.align
	l.cy = math.Min(math.Max(p.middle, p.text.y+l.h/2), p.text.y+p.text.h-l.h/2)
	l.x, l.y = l.cx-w/2+(w-l.headline.w)*p.align, l.cy-h/2
	l.subX, l.subY = l.cx-w/2+(w-l.sub.w)*p.align, l.cy+h/2-l.sub.h
}

// stack returns the size of the two blocks, one above the other.
func (l *lettering) stack() (w, h float64) {
	h = l.headline.h + l.sub.h
	if l.headline.h > 0 {
		h += subGap * l.sub.h
	}
	return math.Max(l.headline.w, l.sub.w), h
}

// area is the upright rectangle around the turned text.
func (l *lettering) area() image.Rectangle {
	return image.Rect(int(math.Floor(l.cx-l.w/2)), int(math.Floor(l.cy-l.h/2)), int(math.Ceil(l.cx+l.w/2)), int(math.Ceil(l.cy+l.h/2)))
}
