package seedream

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // headers of references
	_ "image/png"  // …
	"strings"

	_ "golang.org/x/image/webp" // …

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/internal/picture"
)

// limits are what a family of models takes.
type limits struct {
	minPixels, maxPixels int // of a picture, width times height
	references           int
	sequential           bool    // knows the parameter that turns groups of pictures off
	price                float64 // US dollars a picture, whatever its size; 0: not known
}

// limitsOf finds the limits by the model's id, whatever its vendor prefix and date. Of an endpoint's id (ep-…), which
// does not tell the model, only what all of them allow is used.
func limitsOf(model string) limits {
	switch {
	case strings.Contains(model, "seedream-5-0-pro"):
		return limits{minPixels: 921_600, maxPixels: 4_624_220, references: 10}
	case strings.Contains(model, "seedream-5-0"):
		return limits{minPixels: 3_686_400, maxPixels: 16_777_216, references: 14, sequential: true, price: 0.035}
	case strings.Contains(model, "seedream-4-5"):
		return limits{minPixels: 3_686_400, maxPixels: 16_777_216, references: 14, sequential: true, price: 0.04}
	case strings.Contains(model, "seedream-4-0"):
		return limits{minPixels: 921_600, maxPixels: 16_777_216, references: 14, sequential: true, price: 0.03}
	}
	return limits{minPixels: 3_686_400, maxPixels: 4_624_220, references: 10}
}

// maxRatio bounds the shape of a picture in both directions.
const maxRatio = 16

// size finds the legal size that has the shape of width by height and is nearest to it. What it can't be exactly, is made
// of what was drawn.
func (l limits) size(width, height int) (w, h int, err error) {
	if width < 1 || height < 1 || width > maxRatio*height || height > maxRatio*width {
		return 0, 0, fail(providers.Permanent, "invalid_size", fmt.Errorf("%dx%d pixels", width, height))
	}
	w, h = picture.Area(width, height, l.minPixels, l.maxPixels)
	return w, h, nil
}

// Limits of a reference.
const (
	maxReferenceBytes  = 30 << 20
	maxReferencePixels = 36_000_000
	minReferenceSide   = 15
)

// dataURL encodes a reference as the vendor takes it, if it does.
func dataURL(data []byte) (string, error) {
	header, format, err := image.DecodeConfig(bytes.NewReader(data))
	switch {
	case err != nil:
		return "", errors.New("no picture")
	case len(data) > maxReferenceBytes:
		return "", fmt.Errorf("%d bytes", len(data))
	case min(header.Width, header.Height) < minReferenceSide, header.Width*header.Height > maxReferencePixels,
		header.Width > maxRatio*header.Height, header.Height > maxRatio*header.Width:
		return "", fmt.Errorf("%dx%d pixels", header.Width, header.Height)
	}
	return "data:image/" + format + ";base64," + base64.StdEncoding.EncodeToString(data), nil
}
