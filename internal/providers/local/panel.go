package local

import (
	"image"
	"math"

	"git.sr.ht/~sbinet/gg"
	"golang.org/x/image/draw"
)

// panel is the slanted half of the slash layout.
type panel struct {
	box   image.Rectangle // the upright rectangle around it
	tall  bool
	edge  float64 // where its slanted edge crosses the middle of the picture
	slant float64 // how far the edge leans to either side
	far   float64 // the opposite side of the picture
	out   float64 // the direction, across the edge, away from the panel: -1 or 1
	w, h  float64
}

func (s *stage) newPanel() panel {
	p := panel{box: s.img.Bounds(), tall: s.plan.tall, w: s.w, h: s.h, out: -1}
	t, at := s.plan.text, s.plan.subject
	switch {
	case p.tall && s.plan.mirrored:
		p.edge, p.slant, p.out = (t.y+at.y+at.r)/2, -0.05*s.h, 1
		p.box.Max.Y = int(p.edge-p.slant) + 1
	case p.tall:
		p.edge, p.slant, p.far = (t.y+t.h+at.y-at.r)/2, 0.05*s.h, s.h
		p.box.Min.Y = int(p.edge - p.slant)
	case s.plan.mirrored:
		p.edge, p.slant, p.out = 0.435*s.w, -0.055*s.w, 1
		p.box.Max.X = int(p.edge-p.slant) + 1
	default:
		p.edge, p.slant, p.far = 0.565*s.w, 0.055*s.w, s.w
		p.box.Min.X = int(p.edge - p.slant)
	}
	return p
}

// trace adds the panel to the path of dc, grown by grow pixels across its slanted edge.
func (p panel) trace(dc *gg.Context, grow float64) {
	edge := p.edge + p.out*grow
	if p.tall {
		dc.MoveTo(0, edge+p.slant)
		dc.LineTo(p.w, edge-p.slant)
		dc.LineTo(p.w, p.far)
		dc.LineTo(0, p.far)
	} else {
		dc.MoveTo(edge+p.slant, 0)
		dc.LineTo(p.far, 0)
		dc.LineTo(p.far, p.h)
		dc.LineTo(edge-p.slant, p.h)
	}
	dc.ClosePath()
}

// panel paints the slanted panel with the subject, and the stripes along its edge.
func (s *stage) panel(sc scene) {
	p, at := s.newPanel(), s.plan.subject
	p.trace(s.dc, 26*s.u)
	s.fill(s.pal.dark())
	p.trace(s.dc, 20*s.u)
	s.fill(s.pal.pop)
	p.trace(s.dc, 8*s.u)
	s.fill(s.pal.accent)
	selfie, refs := sc.pics.selfie, sc.pics.refs
	switch {
	case len(refs) > 0:
		s.inPanel(p, refs[0])
		if selfie != nil {
			s.put(s.portrait(selfie, 1.32*at.r), at.x, at.y+0.32*at.r, 0)
		}
	case selfie != nil:
		s.inPanel(p, selfie)
	default:
		p.trace(s.dc, -6*s.u)
		s.fill(mix(s.pal.accent, s.pal.bright(), 0.12))
		s.lattice(p)
		size := 1.35 * at.r
		if p.tall {
			size = 1.8 * at.r
		}
		s.put(s.sticker(sc.icon, size, s.pal.pop), at.x, at.y, s.between(-0.15, 0.15))
		s.sparks(spot{at.x, at.y, 0.62 * size}, 4)
	}
}

// inPanel fills the panel with pic.
func (s *stage) inPanel(p panel, pic image.Image) {
	mask := gg.NewContext(p.box.Dx(), p.box.Dy())
	mask.Translate(-float64(p.box.Min.X), -float64(p.box.Min.Y))
	p.trace(mask, -6*s.u)
	mask.Fill()
	draw.DrawMask(s.img, p.box, cover(pic, p.box.Dx(), p.box.Dy()), image.Point{}, mask.AsMask(), image.Point{}, draw.Over)
}

// lattice covers the panel with dots that shrink away from the subject.
func (s *stage) lattice(p panel) {
	at := s.plan.subject
	step := 0.2 * at.r
	const reach = 16
	for j := -reach; j <= reach; j++ {
		for i := -reach; i <= reach; i++ {
			dx, dy := (float64(i)+float64(j&1)/2)*step, float64(j)*step*0.87
			r := step * 0.36 * smooth((1.7-math.Hypot(dx, dy)/at.r)/1.3)
			across, along := at.x+dx, (at.y+dy)/p.h
			if p.tall {
				across, along = at.y+dy, (at.x+dx)/p.w
			}
			edge := p.edge + p.slant*(1-2*along)
			if r > s.u && p.out*(edge-across) > r+6*s.u {
				s.dc.DrawCircle(at.x+dx, at.y+dy, r)
			}
		}
	}
	s.fill(fade(s.pal.dark(), 0.14))
}
