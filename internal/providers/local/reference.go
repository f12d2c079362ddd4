package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // decoder of references
	_ "image/png"  // decoder of references

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // decoder of references

	"github.com/mugshot-studio/backend/internal/providers"
)

// maxPixels bounds what a reference may unfold to in memory: 160 MB at eight bits a channel.
const maxPixels = 40_000_000

// pictures are the decoded references.
type pictures struct {
	selfie image.Image   // nil: none
	refs   []image.Image // in the order given
	style  []oklab       // colours of the picture to be copied, the most prominent first
}

// subjects are what the picture shows in front, the selfie first.
func (p pictures) subjects() []image.Image {
	if p.selfie == nil {
		return p.refs
	}
	return append([]image.Image{p.selfie}, p.refs...)
}

// decodeAll reads the references one after the other, each reduced to at most side pixels, so that only one stands in
// memory at its full size.
func decodeAll(ctx context.Context, references []providers.Reference, side int) (pictures, error) {
	var out pictures
	for i, ref := range references {
		img, err := decode(ctx, ref.Data, side)
		if ctx.Err() != nil {
			return pictures{}, fmt.Errorf("local: decoding reference %d: %w", i, ctx.Err())
		}
		if err != nil {
			return pictures{}, permanent("invalid_reference", fmt.Errorf("decoding reference %d (%s): %w", i, ref.Role, err))
		}
		switch {
		case ref.Role == "copy_target":
			out.style = dominant(img)
		case ref.Role == "selfie" && out.selfie == nil:
			out.selfie = img
		case len(out.refs) < maxRefs:
			out.refs = append(out.refs, img)
		}
	}
	return out, nil
}

// maxRefs is how many pictures a layout can show.
const maxRefs = 3

var errTooLarge = errors.New("more than 40 megapixels")

func decode(ctx context.Context, data []byte, side int) (image.Image, error) {
	config, _, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if config.Width <= 0 || config.Height <= 0 || config.Width > maxPixels/config.Height {
		return nil, errTooLarge
	}
	img, _, err := image.Decode(stopping(ctx, bytes.NewReader(data).Read))
	if err != nil {
		return nil, err
	}
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if longer := max(w, h); longer > side {
		w, h = max(1, w*side/longer), max(1, h*side/longer)
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Bounds(), image.White, image.Point{}, draw.Src) // behind transparent parts
	resize(out, img, img.Bounds())
	return out, nil
}

// cover crops and scales pic to w by h pixels. What it cuts from a picture too tall it cuts rather from the foot, since
// faces stand in the upper half.
func cover(pic image.Image, w, h int) *image.RGBA {
	w, h = max(w, 1), max(h, 1)
	b := pic.Bounds()
	crop := b
	if b.Dx()*h > b.Dy()*w {
		width := max(1, b.Dy()*w/h)
		crop.Min.X += (b.Dx() - width) / 2
		crop.Max.X = crop.Min.X + width
	} else {
		height := max(1, b.Dx()*h/w)
		crop.Min.Y += (b.Dy() - height) / 4
		crop.Max.Y = crop.Min.Y + height
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	resize(out, pic, crop)
	return out
}

// resize draws the crop of src over the whole of dst. It halves until less than a half is left to go, which averages all
// pixels and takes a quarter of their memory; the exact scalers of the draw package would take eight times of it.
func resize(dst *image.RGBA, src image.Image, crop image.Rectangle) {
	for crop.Dx() >= 2*dst.Rect.Dx() && crop.Dy() >= 2*dst.Rect.Dy() {
		half := image.NewRGBA(image.Rect(0, 0, crop.Dx()/2, crop.Dy()/2))
		draw.ApproxBiLinear.Scale(half, half.Bounds(), src, crop, draw.Src, nil)
		src, crop = half, half.Bounds()
	}
	draw.ApproxBiLinear.Scale(dst, dst.Bounds(), src, crop, draw.Over, nil)
}

// transfer is an io.Reader or an io.Writer.
type transfer func([]byte) (int, error)

// Read implements io.Reader.
func (t transfer) Read(p []byte) (int, error) { return t(p) }

// Write implements io.Writer.
func (t transfer) Write(p []byte) (int, error) { return t(p) }

// stopping makes a decoder or an encoder, which know no context, fail when ctx ends.
func stopping(ctx context.Context, t transfer) transfer {
	return func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return t(p)
	}
}
