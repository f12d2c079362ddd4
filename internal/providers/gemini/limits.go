package gemini

import (
	"math"
	"strings"

	"github.com/mugshot-studio/backend/internal/providers"
)

const (
	// maxReferences is how many pictures a request may have.
	maxReferences = 14

	// maxOne bounds each of them, and maxInline all of a request, in bytes: the whole may have 20 MB, and base64 makes
	// four bytes of three.
	maxOne    = 7_000_000
	maxInline = 14_000_000
)

// ratios are the shapes that all image models draw, by width over height. Longer ones exist for some models alone.
func ratios() map[string]float64 {
	return map[string]float64{
		"1:1": 1, "2:3": 2.0 / 3, "3:2": 3.0 / 2, "3:4": 3.0 / 4, "4:3": 4.0 / 3, "4:5": 4.0 / 5, "5:4": 5.0 / 4,
		"9:16": 9.0 / 16, "16:9": 16.0 / 9, "21:9": 21.0 / 9,
	}
}

// aspectRatio is the shape of which the least has to be cut away.
func aspectRatio(width, height int) string {
	best, least := "", math.Inf(1)
	wanted := math.Log(float64(width) / float64(height))
	for name, ratio := range ratios() {
		if off := math.Abs(math.Log(ratio) - wanted); off < least {
			best, least = name, off
		}
	}
	return best
}

// The sizes that can be drawn; each name is roughly the side of a square.
const (
	size1K = "1K"
	size2K = "2K"
	size4K = "4K"
)

// enlargement is how many times the pixels of a drawing a picture may have before the next size is worth its price.
const enlargement = 1.25

// imageSize is the size to draw. A draft is always small, and only 4k is paid for at the price of 4K.
func imageSize(req providers.ImageRequest) string {
	switch {
	case strings.Contains(req.Model, "lite"), req.Quality == "draft":
		return size1K // the lite models know no other
	case req.Quality == "4k":
		return size4K
	case float64(req.Width*req.Height) <= 1024*1024*enlargement:
		return size1K
	default:
		return size2K
	}
}

// imagePrice estimates what a picture costs, in US dollars, after Google's price list: for gemini-3.1-flash-image as of
// February 2026 and gemini-3-pro-image as of July 2026. The price of gemini-nano-banana-2.1 is not known to us; it is
// taken for that of its predecessor. The few cents a thousand that text and references cost are left out.
func imagePrice(model, size string) float64 {
	prices := map[string]float64{size1K: 0.067, size2K: 0.101, size4K: 0.151}
	if strings.Contains(model, "pro") {
		prices = map[string]float64{size1K: 0.134, size2K: 0.134, size4K: 0.24}
	}
	return prices[size]
}

// textPrice estimates what a reply costs, in US dollars: $0.50 a million tokens in and $3 out, the list price of
// gemini-3-flash as of early 2026. That of its successors is not known to us.
func textPrice(tokensIn, tokensOut int32) float64 {
	return (0.5*float64(tokensIn) + 3*float64(tokensOut)) / 1e6
}
