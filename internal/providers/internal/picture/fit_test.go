package picture

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/require"
)

func gradient(w, h int) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetRGBA(x, y, color.RGBA{uint8(255 * x / w), uint8(255 * y / h), 90, 255})
		}
	}
	return img
}

func encode(t *testing.T, format string, img image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	switch format {
	case "png":
		require.NoError(t, png.Encode(&out, img))
	case "jpeg":
		require.NoError(t, jpeg.Encode(&out, img, nil))
	case "gif":
		require.NoError(t, gif.Encode(&out, img, nil))
	}
	return out.Bytes()
}

func TestFit_sizes(t *testing.T) {
	t.Parallel()
	for _, from := range []image.Point{{X: 344, Y: 192}, {X: 192, Y: 344}, {X: 256, Y: 256}, {X: 100, Y: 30}, {X: 688, Y: 384}} {
		for _, to := range []image.Point{{X: 320, Y: 180}, {X: 270, Y: 338}, {X: 75, Y: 75}, {X: 300, Y: 157}} {
			for _, format := range []string{"png", "jpeg"} {
				got, err := Fit(t.Context(), encode(t, format, gradient(from.X, from.Y)), to.X, to.Y)
				require.NoError(t, err)
				require.Equal(t, "image/"+format, got.ContentType)
				require.Equal(t, to, image.Pt(got.Width, got.Height))
				img, decoded, err := image.Decode(bytes.NewReader(got.Data))
				require.NoError(t, err)
				require.Equal(t, format, decoded)
				require.Equal(t, to, img.Bounds().Size(), "from %v", from)
			}
		}
	}
}

// What is cut is cut on both sides alike, so that what stood in the middle stays there.
func TestFit_keepsTheMiddle(t *testing.T) {
	t.Parallel()
	got, err := Fit(t.Context(), encode(t, "png", gradient(400, 100)), 100, 100)
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(got.Data))
	require.NoError(t, err)
	red := func(x int) uint8 { return color.RGBAModel.Convert(img.At(x, 50)).(color.RGBA).R }
	require.InDelta(t, 255*0.375, red(0), 4)
	require.InDelta(t, 255*0.625, red(99), 4)
}

func TestFit_leavesTheRightSizeAlone(t *testing.T) {
	t.Parallel()
	data := encode(t, "jpeg", gradient(64, 36))
	got, err := Fit(t.Context(), data, 64, 36)
	require.NoError(t, err)
	require.Equal(t, data, got.Data)
}

func TestFit_refuses(t *testing.T) {
	t.Parallel()
	whole := encode(t, "png", gradient(300, 200))
	for name, data := range map[string][]byte{
		"nothing": nil, "html": []byte("<html>"), "gif": encode(t, "gif", gradient(30, 20)), "half": whole[:len(whole)/2],
	} {
		_, err := Fit(t.Context(), data, 300, 200)
		require.ErrorIs(t, err, ErrNotAPicture, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Fit(ctx, whole, 64, 64)
	require.ErrorIs(t, err, context.Canceled)
}

// A few bytes can announce a picture that fills the memory.
func TestFit_refusesBombs(t *testing.T) {
	t.Parallel()
	bomb := encode(t, "png", gradient(1, 1))
	copy(bomb[16:24], []byte{0, 0, 0x80, 0, 0, 0, 0x80, 0}) // IHDR: 32768 by 32768
	binary.BigEndian.PutUint32(bomb[29:33], crc32.ChecksumIEEE(bomb[12:29]))
	_, err := Fit(t.Context(), bomb, 64, 64)
	require.ErrorContains(t, err, "32768x32768")
}
