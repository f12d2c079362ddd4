package local

import (
	"image/color"
	"math"
)

// oklab is a colour in Björn Ottosson's Oklab space (https://bottosson.github.io/posts/oklab/), in which equal steps
// look equal, so that palettes can be computed instead of collected.
type oklab struct{ l, a, b float64 }

// oklch returns the colour of lightness l (0 to 1), chroma c (0 to about 0.3) and hue h (degrees), with the chroma
// lowered until the colour fits sRGB.
func oklch(l, c, h float64) color.RGBA {
	sin, cos := math.Sincos(h * math.Pi / 180)
	lo, hi := 0.0, c
	if rgb, ok := (oklab{l, c * cos, c * sin}).rgba(); ok {
		return rgb
	}
	for range 10 {
		mid := (lo + hi) / 2
		if _, ok := (oklab{l, mid * cos, mid * sin}).rgba(); ok {
			lo = mid
		} else {
			hi = mid
		}
	}
	rgb, _ := oklab{l, lo * cos, lo * sin}.rgba()
	return rgb
}

// lch returns lightness, chroma and hue in degrees from 0 to 360.
func (o oklab) lch() (l, c, h float64) {
	return o.l, math.Hypot(o.a, o.b), math.Mod(math.Atan2(o.b, o.a)*180/math.Pi+360, 360)
}

// rgba converts to sRGB; ok tells whether the colour lies inside it. Outside, the components are clamped.
func (o oklab) rgba() (c color.RGBA, ok bool) {
	l := cube(o.l + 0.3963377774*o.a + 0.2158037573*o.b)
	m := cube(o.l - 0.1055613458*o.a - 0.0638541728*o.b)
	s := cube(o.l - 0.0894841775*o.a - 1.2914855480*o.b)
	linear := [3]float64{
		4.0767416621*l - 3.3077115913*m + 0.2309699292*s,
		-1.2684380046*l + 2.6097574011*m - 0.3413193965*s,
		-0.0041960863*l - 0.7034186147*m + 1.7076147010*s,
	}
	ok = true
	var out [3]uint8
	for i, v := range linear {
		if v < -1e-4 || v > 1+1e-4 {
			ok = false
		}
		v = min(max(v, 0), 1)
		if v <= 0.0031308 {
			v *= 12.92
		} else {
			v = 1.055*math.Pow(v, 1/2.4) - 0.055
		}
		out[i] = uint8(math.Round(v * 255))
	}
	return color.RGBA{out[0], out[1], out[2], 255}, ok
}

func toOKLab(c color.RGBA) oklab {
	r, g, b := linear(c.R), linear(c.G), linear(c.B)
	l := math.Cbrt(0.4122214708*r + 0.5363325363*g + 0.0514459929*b)
	m := math.Cbrt(0.2119034982*r + 0.6806995451*g + 0.1073969566*b)
	s := math.Cbrt(0.0883024619*r + 0.2817188376*g + 0.6299787005*b)
	return oklab{
		0.2104542553*l + 0.7936177850*m - 0.0040720468*s,
		1.9779984951*l - 2.4285922050*m + 0.4505937099*s,
		0.0259040371*l + 0.7827717662*m - 0.8086757660*s,
	}
}

// mix goes from a (t = 0) to b (t = 1) along the perceptual straight line.
func mix(a, b color.RGBA, t float64) color.RGBA {
	p, q := toOKLab(a), toOKLab(b)
	c, _ := oklab{p.l + (q.l-p.l)*t, p.a + (q.a-p.a)*t, p.b + (q.b-p.b)*t}.rgba()
	return c
}

// lit makes c lighter by dl and turns its hue by dh degrees, as light and shade do.
func lit(c color.RGBA, dl, dh float64) color.RGBA {
	l, chroma, h := toOKLab(c).lch()
	return oklch(min(max(l+dl, 0), 1), chroma, h+dh)
}

// fade gives c the opacity a, from 0 to 1.
func fade(c color.RGBA, a float64) color.NRGBA {
	return color.NRGBA{c.R, c.G, c.B, uint8(math.Round(255 * min(max(a, 0), 1)))}
}

// contrast is the ratio of WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio), from 1 to 21.
func contrast(a, b color.RGBA) float64 {
	p, q := luminance(a), luminance(b)
	return (max(p, q) + 0.05) / (min(p, q) + 0.05)
}

func luminance(c color.RGBA) float64 {
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

func linear(v uint8) float64 {
	x := float64(v) / 255
	if x <= 0.04045 {
		return x / 12.92
	}
	return math.Pow((x+0.055)/1.055, 2.4)
}

func cube(x float64) float64 { return x * x * x }
