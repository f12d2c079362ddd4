package picture

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/jpeg"

	"golang.org/x/image/draw"

	"github.com/mugshot-studio/backend/internal/providers"
)

// ErrTooLarge says that a picture can't be made small enough, or is too large to be decoded.
var ErrTooLarge = errors.New("too large")

// Shrink returns a picture of most bytes at the most: as it is if it has no more, else as a JPEG, on white, of half the side
// until it fits. Its metadata is lost, so an EXIF orientation has to be applied before. It fails with ErrNotAPicture,
// ErrTooLarge, or ctx's error.
func Shrink(ctx context.Context, reference providers.Reference, most int) (providers.Reference, error) {
	if len(reference.Data) <= most {
		return reference, nil
	}
	header, _, err := image.DecodeConfig(bytes.NewReader(reference.Data))
	if err != nil || header.Width <= 0 || header.Height <= 0 {
		return reference, ErrNotAPicture
	}
	if header.Width > maxPixels/header.Height {
		return reference, ErrTooLarge
	}
	img, _, err := image.Decode(bytes.NewReader(reference.Data))
	if err != nil {
		return reference, ErrNotAPicture
	}
	for w, h := header.Width, header.Height; w > 0 && h > 0; w, h = w/2, h/2 {
		if err := ctx.Err(); err != nil {
			return reference, err
		}
		smaller := image.NewRGBA(image.Rect(0, 0, w, h))
		draw.Draw(smaller, smaller.Bounds(), image.White, image.Point{}, draw.Src)
		draw.ApproxBiLinear.Scale(smaller, smaller.Bounds(), img, img.Bounds(), draw.Over, nil)
		img = smaller
		var encoded bytes.Buffer
		if err := jpeg.Encode(&encoded, smaller, &jpeg.Options{Quality: shrunkQuality}); err != nil {
			return reference, err
		}
		if encoded.Len() <= most {
			return providers.Reference{Role: reference.Role, ContentType: "image/jpeg", Data: encoded.Bytes()}, nil
		}
	}
	return reference, ErrTooLarge
}

// shrunkQuality is enough for a picture that is only looked at.
const shrunkQuality = 90
