// Package inspect decides whether uploaded bytes are a picture that the product takes, and measures it.
//
// A client may send anything under any name, so nothing that it says is trusted: the type is determined from the content, the
// size is counted, and the dimensions are read from the header and bounded before anything is decoded. The memory of all
// checks together is bounded: what decoding will cost is estimated from the header, and a check waits while it would exceed
// [Config].Memory together with the others.
package inspect

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // a checksum that the contract asks for, not a protection
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"runtime"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// The limits of the contract.
const (
	MaxBytes  = 8 << 20    // of a file
	MaxPixels = 40_000_000 // width times height
)

const (
	// maxSide is of an uploaded picture, in pixels: what JPEG can express. PNG can express a row of 40 megapixels.
	maxSide = 65_535
	// longestSide bounds what is redrawn and searched for faces, in pixels. An avatar needs no more.
	longestSide = 2048
	// redrawQuality is of JPEG, 1 to 100: the least at which no difference is seen.
	redrawQuality = 90
	// maxWork bounds what decoding takes, in passes over a sample of a picture: 16 over each pixel of the largest. One takes
	// 2 ns; see [survey].
	maxWork = 16 * MaxPixels
)

// Config bounds what checks cost. A zero field takes its default.
type Config struct {
	// Memory is how many bytes all decoding at one time may take; 512 MiB. A picture that needs more by itself is refused. An
	// eighth more is kept for pictures that need no more than that, so that they never wait for large ones.
	Memory   int64
	Parallel int64 // pictures checked at one time, each with its file of MaxBytes in memory; 4
	// MaxWait is how long a check may take, with waiting until memory and a slot are free. After that it fails, and the
	// client is told to try again after the same time; 10 s.
	MaxWait time.Duration
	Face    FaceConfig
}

// defaultMemory lets 40 megapixels pass in every encoding that is met in practice: with 16 bits a channel a PNG takes
// 320 MB, and with subsampled colours a progressive JPEG 300 MB.
const defaultMemory = 512 << 20

// Wanted says what a file was announced as, and what it is for.
type Wanted struct {
	ContentType string // image/jpeg, image/png or image/webp
	Size        int64  // bytes
	Portrait    bool   // it has to show exactly one face
	Redraw      bool   // it is wanted upright and without metadata
	CountFaces  bool   // Picture.Faces is wanted, whatever it is
}

// Picture is what a file was found to be.
type Picture struct {
	ContentType string
	Size        int64  // bytes
	Width       int    // pixels, as shown: with the EXIF orientation applied
	Height      int    // likewise
	MD5         string // in hexadecimal
	Faces       int    // when they were to be counted: those that matter beside the surest
	// Data is what was checked, and all of the above are about it: the file itself, or the picture drawn anew, when that was
	// wanted: a JPEG with its longer side at most 2048 pixels, upright, on white, and with no metadata such as where it was
	// taken.
	Data []byte
}

// Checker checks pictures. It is safe for concurrent use.
type Checker struct {
	slots   *semaphore.Weighted // files in memory
	room    *semaphore.Weighted // bytes for decoding
	small   *semaphore.Weighted // the same, for pictures that need few
	memory  int64
	most    int64 // bytes for a small picture
	maxWait time.Duration
	faces   *faceFinder
}

// New returns a Checker.
func New(c Config) (*Checker, error) {
	if c.Memory == 0 {
		c.Memory = defaultMemory
	}
	if c.Parallel == 0 {
		c.Parallel = 4
	}
	if c.MaxWait == 0 {
		c.MaxWait = 10 * time.Second
	}
	faces, err := newFaceFinder(c.Face)
	if err != nil {
		return nil, err
	}
	return &Checker{
		slots: semaphore.NewWeighted(c.Parallel), room: semaphore.NewWeighted(c.Memory), memory: c.Memory,
		small: semaphore.NewWeighted(c.Memory / 8), most: c.Memory / 8,
		maxWait: c.MaxWait, faces: faces,
	}, nil
}

// Check reads body to its end, or to the first byte too many, and inspects it. A file that can't be used is an
// [ErrInvalidImage] or [ErrFaceCheck] with a [Reason]. It also fails with [apperr.ErrUnavailable] after Config.MaxWait, with
// ctx's error, or with the reader's.
func (c *Checker) Check(ctx context.Context, body io.Reader, want Wanted) (Picture, error) {
	limited, cancel := context.WithTimeout(ctx, c.maxWait)
	defer cancel()
	picture, err := c.check(limited, body, want)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		err = apperr.ErrUnavailable.WithRetryAfter(c.maxWait).With(fmt.Errorf("check a picture in time: %w", err))
	}
	return picture, err
}

func (c *Checker) check(ctx context.Context, body io.Reader, want Wanted) (Picture, error) {
	if err := c.slots.Acquire(ctx, 1); err != nil {
		return Picture{}, err
	}
	defer c.slots.Release(1)
	data, err := read(body, want.Size)
	if err != nil {
		return Picture{}, err
	}
	format, err := recognise(data, want.ContentType)
	if err != nil {
		return Picture{}, err
	}
	about, err := format.survey(data)
	if err != nil {
		return Picture{}, err
	}
	header, err := format.header(bytes.NewReader(data))
	if err != nil || header.Width <= 0 || header.Height <= 0 {
		return Picture{}, damaged("read header: %w", err)
	}
	if max(header.Width, header.Height) > maxSide || header.Width*header.Height > MaxPixels {
		return Picture{}, Refusal(TooManyPixels)
	}
	if about.work(header) > maxWork {
		return Picture{}, Refusal(TooComplex)
	}
	cost := about.decoding(header) + drawing(header)
	room := c.room
	switch {
	case cost > c.memory:
		return Picture{}, Refusal(TooManyPixels)
	case cost <= c.most:
		room = c.small
	}
	if err := room.Acquire(ctx, cost); err != nil {
		return Picture{}, err
	}
	defer room.Release(cost)
	defer c.collect(cost)
	return c.look(ctx, data, format, about, want)
}

// look decodes a file whose cost has been reserved.
func (c *Checker) look(ctx context.Context, data []byte, f format, about survey, want Wanted) (Picture, error) {
	img, err := decode(ctx, f, data)
	if err != nil {
		return Picture{}, err
	}
	size := about.orientation.turned(img.Bounds().Size())
	picture := describe(f.contentType, data, size)
	if !want.Portrait && !want.Redraw && !want.CountFaces {
		return picture, nil
	}
	upright := about.orientation.turn(reduce(img, longestSide))
	if want.CountFaces {
		picture.Faces = c.faces.count(upright)
	}
	if want.Portrait {
		if err := c.faces.check(upright, float64(size.X)/float64(upright.Rect.Dx())); err != nil {
			return Picture{}, err
		}
	}
	if want.Redraw {
		var drawn bytes.Buffer
		if err := jpeg.Encode(&drawn, upright, &jpeg.Options{Quality: redrawQuality}); err != nil {
			return Picture{}, fmt.Errorf("redraw picture: %w", err)
		}
		picture = describe("image/jpeg", drawn.Bytes(), upright.Rect.Size())
	}
	return picture, nil
}

// collect runs the garbage collector after a costly check, before the next check may use its memory. Otherwise the runtime
// would let garbage grow as large as what was in use, and the limit would hold for half of the memory that is taken.
func (c *Checker) collect(cost int64) {
	if cost > c.memory/8 {
		runtime.GC()
	}
}

// read returns the size bytes of body.
func read(body io.Reader, size int64) ([]byte, error) {
	if size > MaxBytes {
		return nil, Refusal(TooLarge)
	}
	data := make([]byte, max(size, 0)+1)
	n, err := io.ReadFull(body, data)
	switch {
	case err == nil && n > MaxBytes:
		return nil, Refusal(TooLarge)
	case err == nil:
		return nil, Refusal(SizeMismatch)
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, fmt.Errorf("read picture: %w", err)
	case n == 0:
		return nil, Refusal(Empty)
	case int64(n) < size:
		return nil, Refusal(SizeMismatch)
	}
	return data[:n], nil
}

func describe(contentType string, data []byte, size image.Point) Picture {
	sum := md5.Sum(data) //nolint:gosec // see the import
	return Picture{
		ContentType: contentType, Size: int64(len(data)), Width: size.X, Height: size.Y, MD5: hex.EncodeToString(sum[:]),
		Data: data,
	}
}
