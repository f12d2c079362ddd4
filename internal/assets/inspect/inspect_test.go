package inspect_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/image/draw"

	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

const (
	jpg  = "image/jpeg"
	pngT = "image/png"
	webp = "image/webp"
)

func checker(t testing.TB) *inspect.Checker {
	t.Helper()
	return must(inspect.New(inspect.Config{MaxWait: time.Hour}))
}

func check(t testing.TB, c *inspect.Checker, file []byte, want inspect.Wanted) (inspect.Picture, error) {
	t.Helper()
	if want.Size == 0 {
		want.Size = int64(max(len(file), 1))
	}
	return c.Check(t.Context(), bytes.NewReader(file), want)
}

func TestCheck(t *testing.T) {
	t.Parallel()
	c := checker(t)
	all := samples()
	require.Greater(t, len(all), 80)
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			_, err := check(t, c, s.file, inspect.Wanted{ContentType: s.announce, Size: s.size, Portrait: s.portrait})
			requireReason(t, s.reason, err)
		})
	}
}

// requireReason holds an error against a reason; none: it must be nil.
func requireReason(t testing.TB, want inspect.Reason, err error) {
	t.Helper()
	if want == "" {
		require.NoError(t, err)
		return
	}
	refused, ok := errors.AsType[*apperr.Error](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, map[string]any{"reason": string(want)}, refused.Details, "%v", err)
	kind := inspect.ErrInvalidImage
	if slices.Contains([]inspect.Reason{inspect.NoFace, inspect.SeveralFaces, inspect.FaceTooSmall, inspect.FaceBlurred}, want) {
		kind = inspect.ErrFaceCheck
	}
	require.ErrorIs(t, err, kind)
	require.NotEqual(t, kind.Message, refused.Message, "says nothing in particular")
	require.True(t, strings.HasSuffix(refused.Message, "."))
}

func TestCheck_measures(t *testing.T) {
	t.Parallel()
	c := checker(t)
	file := withEXIF(asJPEG(noise(40, 30)), exif(binary.LittleEndian, 8))
	got, err := check(t, c, file, inspect.Wanted{ContentType: jpg})
	require.NoError(t, err)
	require.Equal(t, 30, got.Width, "as shown")
	require.Equal(t, 40, got.Height)
	require.Equal(t, int64(len(file)), got.Size)
	require.Equal(t, jpg, got.ContentType)
	require.Len(t, got.MD5, 32)
	require.Equal(t, file, got.Data)

	got, err = check(t, c, []byte("\x89PNG\r\n\x1a\n"+string(asPNG(image.NewGray(image.Rect(0, 0, 2, 3)))[8:])), inspect.Wanted{ContentType: pngT})
	require.NoError(t, err)
	require.Equal(t, []int{2, 3}, []int{got.Width, got.Height})
}

func TestCheck_redraws(t *testing.T) {
	t.Parallel()
	c := checker(t)
	woman := scaled(face(), 60, 96) // so that the sides differ
	for o := 1; o <= 8; o++ {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			metadata, stored := exif(order, uint16(o)), turnedBack(woman, o)
			for contentType, file := range map[string][]byte{
				jpg: withEXIF(asJPEG(stored), metadata), pngT: withChunk(asPNG(stored), "eXIf", metadata),
			} {
				require.Contains(t, string(file), "GPS-SECRET")
				got, err := check(t, c, file, inspect.Wanted{ContentType: contentType, Redraw: true})
				require.NoError(t, err)
				require.NotContains(t, string(got.Data), "GPS-SECRET")
				require.NotContains(t, string(got.Data), "Exif")
				require.Equal(t, int64(len(got.Data)), got.Size)
				require.Equal(t, jpg, got.ContentType)
				shown, err := jpeg.Decode(bytes.NewReader(got.Data))
				require.NoError(t, err)
				require.Equal(t, shown.Bounds().Size(), image.Pt(got.Width, got.Height))
				requireAlike(t, woman, shown)
				again, err := check(t, c, got.Data, inspect.Wanted{ContentType: jpg})
				require.NoError(t, err)
				require.Equal(t, got.MD5, again.MD5)
			}
		}
	}
}

// requireAlike finds no difference but a codec's.
func requireAlike(t testing.TB, want, got image.Image) {
	t.Helper()
	require.Equal(t, want.Bounds().Size(), got.Bounds().Size())
	var off, n float64
	for y := range want.Bounds().Dy() {
		for x := range want.Bounds().Dx() {
			r, _, b, _ := want.At(x, y).RGBA()
			r2, _, b2, _ := got.At(x, y).RGBA()
			off += max(float64(r)-float64(r2), float64(r2)-float64(r)) + max(float64(b)-float64(b2), float64(b2)-float64(b))
			n += 2 * 257
		}
	}
	require.Less(t, off/n, 6.0, "mean difference in levels of 255")
}

func TestCheck_redrawnPicturesFitTheirBucket(t *testing.T) {
	t.Parallel()
	// The worst there is: noise, at a sixteenth of the size that is left as it is.
	got, err := check(t, checker(t), asPNG(noise(512, 512)), inspect.Wanted{ContentType: pngT, Redraw: true})
	require.NoError(t, err)
	require.Equal(t, 512, got.Width)
	require.LessOrEqual(t, 16*len(got.Data), inspect.MaxBytes)
}

// What is redrawn is made smaller by a whole number, which its face is not held against.
func TestCheck_redrawsLargePictures(t *testing.T) {
	t.Parallel()
	wide := image.NewRGBA(image.Rect(0, 0, 2200, 480))
	draw.Draw(wide, wide.Rect, image.White, image.Point{}, draw.Src)
	draw.Draw(wide, face().Bounds(), face(), image.Point{}, draw.Src)
	got, err := check(t, checker(t), asJPEG(wide), inspect.Wanted{ContentType: jpg, Redraw: true, Portrait: true})
	require.NoError(t, err, "170 pixels wide, of which 85 are left")
	require.Equal(t, []int{1100, 240}, []int{got.Width, got.Height})
}

func TestCheck_transparencyBecomesWhite(t *testing.T) {
	t.Parallel()
	got, err := check(t, checker(t), asPNG(image.NewNRGBA(image.Rect(0, 0, 8, 8))), inspect.Wanted{ContentType: pngT, Redraw: true})
	require.NoError(t, err)
	shown, err := jpeg.Decode(bytes.NewReader(got.Data))
	require.NoError(t, err)
	r, g, b, _ := shown.At(4, 4).RGBA()
	require.Equal(t, []uint32{0xffff, 0xffff, 0xffff}, []uint32{r, g, b})
}

// What cameras and encoders make passes, up to the most pixels.
func TestCheck_workOfUsualFiles(t *testing.T) {
	t.Parallel()
	// The ten scans of libjpeg's jpeg_simple_progression, by their components.
	progression := [][]byte{{1, 2, 3}, {1}, {3}, {2}, {1}, {1}, {1, 2, 3}, {3}, {2}, {1}}
	progressive := func(sampling byte) []byte {
		file := append([]byte{0xff, 0xd8}, jpegSegment(0xc2, 8, 5000>>8, 5000&0xff, 8000>>8, 8000&0xff, 3, 1, sampling, 0, 2, 0x11, 0, 3, 0x11, 0)...)
		for _, components := range progression {
			scan := []byte{byte(len(components))}
			for _, c := range components {
				scan = append(scan, c, 0)
			}
			file = append(file, jpegSegment(0xda, append(scan, 0, 0, 0)...)...)
		}
		return append(file, 0xff, 0xd9)
	}
	for name, f := range map[string]struct {
		file []byte
		of   string
		want float64
	}{
		"progressive, 4:2:0": {progressive(0x22), jpg, 8.0 / 16},
		"progressive, 4:4:4": {progressive(0x11), jpg, 14.0 / 16},
		"baseline":           {flatJPEG(0xc0, 8000, 5000, 3, 1)[:4000], jpg, 12.0 / 16},
		"baseline, CMYK":     {flatJPEG(0xc0, 8000, 5000, 4, 1)[:4000], jpg, 1},
		"PNG":                {flatPNG(8000, 5000, 8, 6, 0, 32), pngT, 1},
		"PNG, 16 bits":       {flatPNG(5000, 4000, 16, 6, 0, 64), pngT, 1},
		"WebP":               {riff(flatVP8L(8000, 5000)), webp, 0},
	} {
		share, err := inspect.Work(f.file, f.of)
		require.NoError(t, err, name)
		require.InDelta(t, f.want, share, 0.001, name)
	}
}

// A small picture does not wait for the memory of large ones.
func TestCheck_smallPicturesHaveRoom(t *testing.T) {
	t.Parallel()
	c := must(inspect.New(inspect.Config{Memory: 200 << 20, MaxWait: time.Hour}))
	giveBack := c.TakeRoom(t.Context())
	_, err := check(t, c, faceJPEG, inspect.Wanted{ContentType: jpg, Portrait: true})
	require.NoError(t, err)
	giveBack()
}

func TestCheck_thresholdsAreConfigured(t *testing.T) {
	t.Parallel()
	for reason, config := range map[inspect.Reason]inspect.FaceConfig{
		inspect.NoFace: {MinScore: 1000}, inspect.FaceTooSmall: {MinSize: 1000}, inspect.FaceBlurred: {MinSharpness: 10000},
	} {
		strict := must(inspect.New(inspect.Config{Face: config}))
		_, err := check(t, strict, faceJPEG, inspect.Wanted{ContentType: jpg, Portrait: true})
		requireReason(t, reason, err)
	}
}

func TestCheck_readerFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("storage went away")
	body := io.MultiReader(bytes.NewReader(faceJPEG[:1000]), iotest.ErrReader(broken))
	_, err := checker(t).Check(t.Context(), body, inspect.Wanted{ContentType: jpg, Size: int64(len(faceJPEG))})
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, inspect.ErrInvalidImage)
}

func TestCheck_endsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	c := must(inspect.New(inspect.Config{Parallel: 1, MaxWait: 3 * time.Second})) // for the wait, and for the check at the end
	inside, outside := make(chan struct{}), make(chan error)
	body := readerFunc(func([]byte) (int, error) { close(inside); <-ctx.Done(); return 0, ctx.Err() })
	go func() {
		_, err := c.Check(ctx, body, inspect.Wanted{ContentType: jpg, Size: 9})
		outside <- err
	}()
	<-inside
	waiting, giveUp := context.WithCancel(t.Context())
	giveUp()
	_, err := c.Check(waiting, bytes.NewReader(faceJPEG), inspect.Wanted{ContentType: jpg, Size: int64(len(faceJPEG))})
	require.ErrorIs(t, err, context.Canceled, "there is one slot, and it is taken")
	_, err = check(t, c, faceJPEG, inspect.Wanted{ContentType: jpg})
	require.ErrorIs(t, err, apperr.ErrUnavailable)
	require.Positive(t, apperr.From(err).RetryAfter)
	cancel()
	require.ErrorIs(t, <-outside, context.Canceled)
	_, err = check(t, c, faceJPEG, inspect.Wanted{ContentType: jpg})
	require.NoError(t, err, "the slot is free again")
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestRefusal_everyReasonIsExplained(t *testing.T) {
	t.Parallel()
	sentences, met := map[string]bool{}, map[inspect.Reason]bool{}
	for _, r := range inspect.Reasons() {
		sentences[inspect.Refusal(r).Message] = true
	}
	require.Len(t, sentences, len(inspect.Reasons()))
	for _, s := range samples() {
		met[s.reason] = true
	}
	require.Len(t, met, len(inspect.Reasons())+1, "each is met by a sample, and some samples pass")
}

func TestRefusal_ofAnUnknownReason(t *testing.T) {
	t.Parallel()
	require.Equal(t, inspect.ErrInvalidImage.Message, inspect.Refusal("of a later version").Message)
	require.ErrorIs(t, inspect.Refusal("of a later version"), inspect.ErrInvalidImage)
	require.Contains(t, fmt.Sprint(inspect.Refusal(inspect.Damaged).Details), "damaged")
}
