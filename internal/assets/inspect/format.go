package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/webp"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// format is one of the three types of picture.
type format struct {
	contentType string
	matches     func(data []byte) bool
	survey      func(data []byte) (survey, error)
	header      func(io.Reader) (image.Config, error)
	decode      func(io.Reader) (image.Image, error)
}

// survey is what a walk through the file's structure tells, before any of it is decoded.
type survey struct {
	orientation orientation
	bytesPerPix float64 // the most that decoding takes, for each pixel
	overhead    int64   // and besides, in bytes
	passes      float64 // over each pixel that decoding takes, where the file chooses how many
}

// work is how many passes decoding takes, over all pixels.
func (s survey) work(header image.Config) int64 {
	return int64(float64(header.Width) * float64(header.Height) * s.passes)
}

// decoding is the most memory that decoding takes, in bytes; the header is within the limits. Decoders round dimensions
// up to whole blocks, of at most 32 by 32 pixels (four 8 by 8 blocks of JPEG each way).
func (s survey) decoding(header image.Config) int64 {
	const block = 32
	pixels := float64(header.Width+block) * float64(header.Height+block)
	return int64(pixels*s.bytesPerPix) + s.overhead
}

// drawing is the most memory that is taken after decoding, in bytes: for what is reduced and what is turned, of four bytes
// a pixel, for strips, and for a JPEG as it grows.
func drawing(header image.Config) int64 {
	return 2*4*int64(min(header.Width*header.Height, longestSide*longestSide)) + 16<<20
}

func formats() [3]format {
	return [3]format{
		{"image/jpeg", isJPEG, surveyJPEG, jpeg.DecodeConfig, jpeg.Decode},
		{"image/png", isPNG, surveyPNG, png.DecodeConfig, png.Decode},
		{"image/webp", isWebP, surveyWebP, webp.DecodeConfig, webp.Decode},
	}
}

// recognise tells the format by the content, and refuses another than the one announced.
func recognise(data []byte, contentType string) (format, error) {
	for _, f := range formats() {
		switch {
		case !f.matches(data):
		case f.contentType != contentType:
			return format{}, Refusal(TypeMismatch)
		default:
			return f, nil
		}
	}
	return format{}, Refusal(UnsupportedType)
}

// errPanicked marks a file that a decoder could not cope with. The fuzzer looks for it.
var errPanicked = errors.New("decoder panicked")

// decode decodes all of a picture, unless ctx ends meanwhile. The decoders are others' code on a stranger's bytes: should
// one panic, the file is damaged, and the process goes on.
func decode(ctx context.Context, f format, data []byte) (img image.Image, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = damaged("%w: %w", errPanicked, apperr.Panicked(p))
		}
	}()
	img, err = f.decode(&attentiveReader{ctx: ctx, data: bytes.NewReader(data)})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("decode picture: %w", ctx.Err())
	}
	if err != nil {
		return nil, damaged("decode: %w", err)
	}
	return img, nil
}

// attentiveReader stops with its context.
type attentiveReader struct {
	ctx  context.Context //nolint:containedctx // a reader has no other way to learn of the end
	data *bytes.Reader
}

// Read implements io.Reader. It gives little at a time, so that the end of ctx is seen soon.
func (r *attentiveReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.data.Read(p[:min(len(p), 4<<10)])
}
