package local

import (
	"image"
	"slices"
)

// scene is what is to be shown.
type scene struct {
	headline, subtext string
	icon              rune // where there is no picture
	pics              pictures
	texture           texture
}

// backdrop paints what lies behind everything.
func (s *stage) backdrop(sc scene) {
	switch pic := s.behind(sc); {
	case pic == nil:
		s.ground()
		sc.texture(s)
	case s.plan.layout == banner:
		s.photograph(pic, 0, 0.08)
	default:
		s.photograph(pic, 9*s.u, 0.5)
	}
}

// lighting draws the eye to the subject, and makes room for the text.
func (s *stage) lighting(sc scene) {
	at := s.plan.subject
	switch pic := s.behind(sc); {
	case pic == nil:
		s.glow(at.x, at.y, 1.7*at.r, s.pal.glow, 0.75)
	case s.plan.layout == banner:
		s.scrim(s.h, 0.25*s.h, 0.9)
	default:
		s.glow(at.x, at.y, 1.5*at.r, s.pal.glow, 0.6)
	}
	if s.pal.light {
		s.vignette(0.1)
	} else {
		s.vignette(0.6)
	}
}

// behind returns the reference that the backdrop shows, or nil. The foremost picture is the subject; only where the
// subject fills the picture, it is the backdrop itself.
func (s *stage) behind(sc scene) image.Image {
	all := sc.pics.subjects()
	switch {
	case s.plan.layout == banner && len(sc.pics.refs) > 0:
		return sc.pics.refs[0]
	case s.plan.layout == spotlight && len(all) > 1:
		return all[1]
	}
	return nil
}

// subject paints what the picture is about.
func (s *stage) subject(sc scene) {
	all, at := sc.pics.subjects(), s.plan.subject
	switch {
	case s.plan.layout == slash:
		s.panel(sc)
	case s.plan.layout == cards && len(all) > 0:
		s.fan(all)
	case s.plan.layout == banner && len(sc.pics.refs) > 0:
		if sc.pics.selfie != nil {
			if !s.plan.tall {
				at = spot{0.83 * s.w, 0.36 * s.h, 0.3 * s.h}
			}
			s.put(s.portrait(sc.pics.selfie, 2*at.r), at.x, at.y, 0)
		}
	case s.plan.layout == banner && len(all) == 0:
		s.put(s.sticker(sc.icon, 1.7*at.r, s.pal.accent), at.x, at.y, s.between(-0.15, 0.15))
		s.sparks(at, 5)
	default:
		s.burst(at)
		if len(all) > 0 {
			s.put(s.portrait(all[0], 2*at.r), at.x, at.y, 0)
		} else {
			s.put(s.sticker(sc.icon, 1.28*at.r, s.pal.accent), at.x, at.y, s.between(-0.2, 0.2))
		}
		s.sparks(at, 4)
	}
}

// fan paints up to three tilted cards, the foremost last.
func (s *stage) fan(pics []image.Image) {
	at := s.plan.subject
	pics = pics[:min(len(pics), 3)]
	for i, pic := range slices.Backward(pics) {
		w, h := 1.75*at.r, 2*at.r
		x, y, angle := at.x, at.y, -0.1
		if len(pics) > 1 {
			w, h = 0.82*w, 0.82*h
			side := float64(i) - float64(len(pics)-1)/2
			x, y, angle = at.x+side*0.42*at.r, at.y+side*0.2*at.r, side*0.2
		}
		s.put(s.card(pic, w, h), x, y, angle)
	}
	s.sparks(at, 3)
}

// lettering paints the texts.
func (s *stage) lettering(sc scene) {
	s.write(s.letter(sc.headline, sc.subtext))
}
