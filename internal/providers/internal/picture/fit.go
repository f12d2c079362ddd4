// Package picture brings what a vendor draws into the size that was asked for: vendors know a few shapes and sizes, and
// platforms want others.
package picture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // decoder of answers

	"github.com/mugshot-studio/backend/internal/providers"
)

// ErrNotAPicture says that the bytes are no PNG, JPEG or WebP that we take.
var ErrNotAPicture = errors.New("not a picture")

const (
	// maxPixels bounds what an answer may unfold to in memory, 160 MB at eight bits a channel. The largest that any
	// vendor draws, 4K square, has 17 million.
	maxPixels = 40_000_000

	// jpegQuality keeps what a second encoding takes away invisible.
	jpegQuality = 95
)

// Fit returns the encoded picture at exactly width by height pixels: as it is if it has that size, else scaled, and
// cropped around the middle where the shape differs. A JPEG stays one, all else becomes PNG. It fails with
// ErrNotAPicture, whatever type the vendor has announced, or with ctx's error.
func Fit(ctx context.Context, data []byte, width, height int) (providers.Picture, error) {
	var none providers.Picture
	header, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil || format != "png" && format != "jpeg" && format != "webp" {
		return none, ErrNotAPicture
	}
	if header.Width <= 0 || header.Height <= 0 || header.Width > maxPixels/header.Height {
		return none, fmt.Errorf("%w: %dx%d pixels", ErrNotAPicture, header.Width, header.Height)
	}
	img, _, err := image.Decode(bytes.NewReader(data)) // all of it, so that half a picture is never stored
	if err != nil {
		return none, ErrNotAPicture
	}
	if header.Width == width && header.Height == height {
		return providers.Picture{ContentType: "image/" + format, Data: data, Width: width, Height: height}, nil
	}
	if err := ctx.Err(); err != nil {
		return none, err
	}
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	scale(out, img, crop(img.Bounds(), width, height))
	if err := ctx.Err(); err != nil {
		return none, err
	}
	var encoded bytes.Buffer
	if format == "jpeg" {
		err = jpeg.Encode(&encoded, out, &jpeg.Options{Quality: jpegQuality})
	} else {
		format = "png"
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&encoded, out)
	}
	if err != nil {
		return none, fmt.Errorf("encode picture: %w", err)
	}
	return providers.Picture{ContentType: "image/" + format, Data: encoded.Bytes(), Width: width, Height: height}, nil
}

// crop is the largest part of b in the shape of width by height, around the middle.
func crop(b image.Rectangle, width, height int) image.Rectangle {
	w, h := b.Dx(), b.Dy()
	if w*height > h*width {
		w = max(1, (h*width+height/2)/height)
	} else {
		h = max(1, (w*height+width/2)/width)
	}
	w, h = min(w, b.Dx()), min(h, b.Dy())
	x, y := b.Min.X+(b.Dx()-w)/2, b.Min.Y+(b.Dy()-h)/2
	return image.Rect(x, y, x+w, y+h)
}

// scale draws the part of src over the whole of dst. It halves while more than half is to go, which averages all pixels;
// the exact scalers of the draw package would take eight times the memory for a 4K picture.
func scale(dst *image.RGBA, src image.Image, part image.Rectangle) {
	for part.Dx() >= 2*dst.Rect.Dx() && part.Dy() >= 2*dst.Rect.Dy() {
		half := image.NewRGBA(image.Rect(0, 0, part.Dx()/2, part.Dy()/2))
		draw.ApproxBiLinear.Scale(half, half.Bounds(), src, part, draw.Src, nil)
		src, part = half, half.Bounds()
	}
	draw.ApproxBiLinear.Scale(dst, dst.Bounds(), src, part, draw.Src, nil)
}
