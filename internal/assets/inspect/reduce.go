package inspect

import (
	"image"
	"image/draw"
)

// reduce draws a picture on white with its longer side at most longest pixels, each the mean of a square of whole pixels.
// Unlike resampling to an exact size it needs no memory beyond a strip of rows, however large the picture is.
func reduce(src image.Image, longest int) *image.RGBA {
	bounds := src.Bounds()
	by := (max(bounds.Dx(), bounds.Dy()) + longest - 1) / longest
	dst := image.NewRGBA(image.Rect(0, 0, max(1, bounds.Dx()/by), max(1, bounds.Dy()/by)))
	strip := image.NewRGBA(image.Rect(0, 0, dst.Rect.Dx()*by, by))
	sums := make([]int, dst.Stride)
	for y := range dst.Rect.Dy() {
		draw.Draw(strip, strip.Rect, image.White, image.Point{}, draw.Src)
		draw.Draw(strip, strip.Rect, src, bounds.Min.Add(image.Pt(0, y*by)), draw.Over)
		clear(sums)
		for row := range by {
			for x, pix := 0, strip.Pix[row*strip.Stride:][:strip.Stride]; x < strip.Rect.Dx(); x++ {
				sum, from := sums[x/by*4:][:4], pix[4*x:][:4]
				for channel := range from {
					sum[channel] += int(from[channel])
				}
			}
		}
		for i, sum := range sums {
			dst.Pix[y*dst.Stride+i] = uint8(sum / (by * by))
		}
	}
	return dst
}

// luma is a picture's brightness.
func luma(src *image.RGBA) *image.Gray {
	dst := image.NewGray(src.Rect)
	draw.Draw(dst, dst.Rect, src, src.Rect.Min, draw.Src)
	return dst
}
