package local

import "math"

// layout is a way to share the picture between text and subject.
type layout int

const (
	spotlight layout = iota // text beside a round subject
	slash                   // a slanted panel with the subject
	banner                  // the subject fills the picture, text over its foot
	cards                   // tilted cards, text beside them
	layouts                 // how many there are
)

// rect is an upright box, in pixels.
type rect struct{ x, y, w, h float64 }

// spot is a circle, in pixels.
type spot struct{ x, y, r float64 }

// plan says where things go.
type plan struct {
	layout   layout
	text     rect    // the lettering stays inside
	align    float64 // of the lettering in its box: 0 left, 0.5 middle, 1 right
	middle   float64 // height on which the lettering is centred, as far as its box allows
	style    style
	tilt     float64 // of the lettering, radians, clockwise
	subject  spot
	mirrored bool // subject left, text right
	tall     bool // subject and text above each other
}

// newPlan lays a picture of w by h pixels out. Text keeps a margin, and stays clear of the corner at the bottom right,
// where players show the duration, and of the foot of a vertical picture, where apps show their buttons.
func newPlan(w, h float64, l layout, mirrored bool, tilt float64) plan {
	p := plan{layout: l, mirrored: mirrored, tall: h > 0.85*w, tilt: -tilt * math.Pi / 180, align: 0.5, middle: 0.5 * h}
	frac := func(x, y, fw, fh float64) rect { return rect{x * w, y * h, fw * w, fh * h} }
	switch l {
	case slash:
		p.style = plated
	case cards:
		p.style = boxed
	default:
		p.style = outlined
	}
	if p.tall {
		p.tallPlan(w, h, frac)
		return p
	}
	switch l {
	case slash:
		p.text, p.align = frac(0.035, 0.08, 0.5, 0.84), 0
		p.subject = spot{0.78 * w, 0.5 * h, 0.42 * h}
	case banner:
		p.text, p.align, p.middle = frac(0.04, 0.42, 0.64, 0.54), 0, h
		p.subject = spot{0.79 * w, 0.40 * h, 0.36 * h}
		p.tilt *= 0.4
	case cards:
		p.text, p.align = frac(0.45, 0.07, 0.515, 0.76), 0.5
		p.subject = spot{0.235 * w, 0.5 * h, 0.38 * h}
		p.mirrored = false
		return p
	default:
		p.text, p.align = frac(0.035, 0.07, 0.565, 0.86), 0
		p.subject = spot{0.78 * w, 0.5 * h, 0.345 * h}
	}
	if p.mirrored && l != banner {
		p.subject.x = w - p.subject.x
		p.text.x = w - p.text.x - p.text.w
		p.text.h = math.Min(p.text.h, 0.83*h-p.text.y)
		p.align = 1 - p.align
		p.tilt = -p.tilt
	}
	return p
}

func (p *plan) tallPlan(w, h float64, frac func(x, y, fw, fh float64) rect) {
	// A vertical video's foot belongs to the app's buttons and captions; a square post is free down to its margin.
	top, foot := 0.045, 0.955
	if h > 1.4*w {
		top, foot = 0.075, 0.82
	}
	span := foot - top
	p.middle = (top + 0.225*span) * h
	r := 0.5 * math.Min(0.74*w, 0.46*span*h)
	if p.mirrored && p.layout != banner { // text below
		p.text = frac(0.05, top+0.53*span, 0.9, 0.47*span)
		p.middle = (top + 0.75*span) * h
		p.subject = spot{0.5 * w, (top + 0.25*span) * h, r}
		if foot > 0.85 {
			p.text.h = 0.84*h - p.text.y
		}
		return
	}
	p.text = frac(0.05, top, 0.9, 0.45*span)
	p.subject = spot{0.5 * w, (top + 0.74*span) * h, r}
	if p.layout == banner {
		p.text = frac(0.05, top+0.5*span, 0.9, 0.5*span)
		p.middle = h
		p.subject = spot{0.5 * w, (top + 0.26*span) * h, 1.1 * r}
		if foot > 0.85 {
			p.text.h = 0.84*h - p.text.y
		}
	}
}
