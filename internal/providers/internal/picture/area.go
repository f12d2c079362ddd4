package picture

import "math"

// Area finds the size nearest to width by height, all positive, that has about their shape and between least and most
// pixels: itself if it does.
func Area(width, height, least, most int) (w, h int) {
	by := func(pixels int) float64 { return math.Sqrt(float64(pixels) / (float64(width) * float64(height))) }
	switch {
	case width*height < least:
		w, h = int(math.Round(float64(width)*by(least))), int(math.Round(float64(height)*by(least)))
		for w*h < least { // what was lost by rounding, on the longer side
			if w >= h {
				w++
			} else {
				h++
			}
		}
		return w, h
	case width*height > most:
		return max(1, int(float64(width)*by(most))), max(1, int(float64(height)*by(most)))
	}
	return width, height
}
