package local

import (
	"image"
	"image/color"
	"strings"
	"testing"
	"time"

	"git.sr.ht/~sbinet/gg"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/test/conformance/providertest"
)

// hostile are headlines that creators, or their enemies, type.
func hostile() []string {
	return []string{
		"", " \t\n ", "A", "WWWWWWWW", "i", "...", "!?", "a b c d e f g h i j k l m n o p q r s t u v w x y z",
		strings.Repeat("W", 200), strings.Repeat("word ", 40), strings.Repeat("i ", 100), "short " + strings.Repeat("m", 150),
		"🔥🔥🔥", "👨‍👩‍👧‍👦 family", "\u65e5\u672c\u8a9e\u306e\u30bf", "مرحبا بالعالم", "नमस्ते दुनिया", "Привет, мир", "Ελληνικά ΆΈΉ", "Ẩm thực Việt Nam",
		"Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞", "\x00\x01\xff\xfe", "ﬁne ＦＵＬＬｗｉｄｔｈ ①", "$1,000,000 vs $1", "ÅÄÖ gypq (jÇ)",
	}
}

// plans are all the layouts of a size, plain and mirrored.
func plans(w, h float64) []plan {
	var out []plan
	for l := range layouts {
		out = append(out, newPlan(w, h, l, false, 4), newPlan(w, h, l, true, 1))
	}
	return out
}

func sizes() []image.Point {
	return []image.Point{{X: 256, Y: 144}, {X: 140, Y: 140}, {X: 108, Y: 192}, {X: 320, Y: 80}}
}

// lettered draws nothing but the texts, without their soft shadow.
func lettered(faces *typefaces, size image.Point, p plan, headline, subtext string) *stage {
	s := newStage(size.X, size.Y, faces, nil)
	s.plan = p
	s.pal = palette{
		ink: color.RGBA{255, 255, 255, 255}, line: color.RGBA{0, 0, 0, 255},
		accent: color.RGBA{255, 255, 0, 255}, pop: color.RGBA{0, 0, 255, 255}, base: color.RGBA{90, 90, 90, 255},
	}
	l := s.letter(headline, subtext)
	s.dc.Push()
	s.dc.RotateAbout(l.angle, l.cx, l.cy)
	if l.style == plated {
		s.plates(l)
	} else {
		s.outlines(l)
	}
	s.band(l)
	s.dc.Pop()
	return s
}

// ink is the smallest rectangle that holds everything drawn.
func ink(img *image.RGBA) image.Rectangle {
	var out image.Rectangle
	for i := 3; i < len(img.Pix); i += 4 {
		if img.Pix[i] > 8 {
			x, y := i%img.Stride/4, i/img.Stride
			out = out.Union(image.Rect(x, y, x+1, y+1))
		}
	}
	return out
}

func requireInside(t *testing.T, faces *typefaces, size image.Point, p plan, headline, subtext string) {
	t.Helper()
	s := lettered(faces, size, p, headline, subtext)
	box := image.Rect(int(p.text.x), int(p.text.y), int(p.text.x+p.text.w)+1, int(p.text.y+p.text.h)+1).Inset(-1)
	drawn := ink(s.img)
	require.True(t, drawn.In(box), "%q, %q in %v, layout %d: ink %v leaves its box %v", headline, subtext, size, p.layout, drawn, box)
}

func TestLettering_staysInItsBox(t *testing.T) {
	t.Parallel()
	faces := loadTypefaces()
	for _, size := range sizes() {
		for _, p := range plans(float64(size.X), float64(size.Y)) {
			for _, text := range []string{"WWWWWWWW", "i", strings.Repeat("W", 200), strings.Repeat("word ", 40), "ÅÄÖ gypq (jÇ)"} {
				requireInside(t, faces, size, p, text, "")
				requireInside(t, faces, size, p, "Short one", text)
			}
		}
	}
}

func FuzzLettering(f *testing.F) {
	for i, text := range hostile() {
		f.Add(text, text, uint8(i))
	}
	faces := loadTypefaces()
	all := plans(256, 144)
	f.Fuzz(func(t *testing.T, headline, subtext string, which uint8) {
		if len(headline) > 400 || len(subtext) > 400 {
			return // the contract allows 200 characters
		}
		requireInside(t, faces, image.Pt(256, 144), all[int(which)%len(all)], headline, subtext)
	})
}

// TestPlan_keepsCornerFree: players show the duration at the bottom right, in less than a seventh of either side.
func TestPlan_keepsCornerFree(t *testing.T) {
	t.Parallel()
	for _, size := range []image.Point{{X: 1280, Y: 720}, {X: 1080, Y: 1080}, {X: 1080, Y: 1920}, {X: 320, Y: 180}} {
		corner := image.Rect(size.X*86/100, size.Y*86/100, size.X, size.Y)
		for _, p := range plans(float64(size.X), float64(size.Y)) {
			box := image.Rect(int(p.text.x), int(p.text.y), int(p.text.x+p.text.w), int(p.text.y+p.text.h))
			require.True(t, box.In(image.Rectangle{Max: size}), "layout %d of %v: %v", p.layout, size, box)
			require.False(t, box.Overlaps(corner), "layout %d of %v, mirrored %t: %v", p.layout, size, p.mirrored, box)
		}
	}
}

func TestLettering_drawsWhatItCan(t *testing.T) {
	t.Parallel()
	setter := (&stage{faces: loadTypefaces(), w: 640, h: 360, plan: newPlan(640, 360, spotlight, false, 0)}).letter("", "").headSetter
	for text, glyphs := range map[string]int{
		"🔥 hot 🔥": 3, "\u65e5\u672c": 0, "Привет": 6, "Việt": 4, "Ａ①": 2, "e\u0301": 1, "\xff": 0, "Łódź": 4, "Ελλάδα": 6, "ﬁ": 2,
	} {
		n := 0
		for _, w := range setter.words(text, true) {
			n += len(w.glyphs)
		}
		require.Equal(t, glyphs, n, "%q", text)
	}
}

// TestLettering_contrast measures, in finished pictures with and without photographs, every word against what surrounds its
// letters. 4.5 is the least that WCAG 2.2, 1.4.3 asks of text.
func TestLettering_contrast(t *testing.T) {
	t.Parallel()
	provider := New(time.Now)
	vibes := []string{
		"dark moody", "neon cyberpunk", "clean minimal", "energetic gaming", "warm cooking", "nature", "luxury", "tech", "playful", "bold",
		"pink", "yellow minimal",
	}
	for i, vibe := range vibes {
		for _, variant := range []int{1 + i%4, 1 + (i+1)%4} {
			req := providertest.Request()
			req.Width, req.Height, req.Seed, req.Prompt.Vibe = 480, 270, int64(i), vibe
			if i%2 == 1 {
				req.References = append(req.References, providertest.Reference(t, "ref"), providertest.Reference(t, "copy_target"))
			}
			pics, err := decodeAll(t.Context(), req.References, 480)
			require.NoError(t, err)
			s, sc := provider.prepare(req, variant, pics)
			for _, step := range []func(scene){s.backdrop, s.lighting, s.subject, s.lettering} {
				step(sc)
			}
			l := s.letter(sc.headline, sc.subtext)
			for _, ln := range l.headline.lines {
				for w := range ln.words {
					inside, around := s.measure(&l, ln, w)
					ratio := (max(inside, around) + 0.05) / (min(inside, around) + 0.05)
					require.GreaterOrEqual(t, ratio, 4.5, "%s, variant %d, word %d", vibe, variant, w)
				}
			}
		}
	}
}

// measure returns the mean luminance of a word's letters, and of the narrow ring around them.
func (s *stage) measure(l *lettering, ln line, word int) (inside, around float64) {
	mask := func(width float64) *image.RGBA {
		dc := gg.NewContext(int(s.w), int(s.h))
		dc.RotateAbout(l.angle, l.cx, l.cy)
		l.traceWord(dc, ln, word, 0, 0)
		dc.SetLineWidth(width)
		dc.SetColor(color.Black)
		if width > 0 {
			dc.StrokePreserve()
		}
		dc.Fill()
		return dc.Image().(*image.RGBA)
	}
	letters, ring := mask(0), mask(0.06*ln.size)
	var n, m float64
	area := l.area().Intersect(s.img.Rect)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			switch c := s.img.RGBAAt(x, y); {
			case letters.RGBAAt(x, y).A == 255:
				inside, n = inside+luminance(c), n+1
			case letters.RGBAAt(x, y).A == 0 && ring.RGBAAt(x, y).A == 255:
				around, m = around+luminance(c), m+1
			}
		}
	}
	return inside / n, around / m
}
