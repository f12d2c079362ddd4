package local

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/conformance/providertest"
)

func TestProvider_conforms(t *testing.T) {
	t.Parallel()
	providertest.Image(t, func(*testing.T) providers.Image { return New(time.Now) }, providertest.Deterministic())
}

func TestGenerate_meta(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	clock := func() time.Time {
		now = now.Add(250 * time.Millisecond)
		return now
	}
	req := providertest.Request()
	result, err := New(clock).Generate(t.Context(), req, &providertest.MemorySink{})
	require.NoError(t, err)
	require.Equal(t, providers.Meta{
		ProviderName: "local", Model: req.Model, LatencyMS: 250, RequestID: "local-" + req.JobID.String(),
	}, result.Meta)
}

func TestGenerate_sizes(t *testing.T) {
	t.Parallel()
	sizes := []image.Point{{X: 320, Y: 180}, {X: 270, Y: 480}, {X: 64, Y: 64}, {X: 900, Y: 64}, {X: 64, Y: 900}, {X: 1920, Y: 1080}}
	for _, size := range sizes {
		t.Run(size.String(), func(t *testing.T) {
			t.Parallel()
			req := providertest.Request()
			req.Width, req.Height, req.Variants = size.X, size.Y, 4
			if size.X == 1920 {
				req.Variants = 1
			}
			for _, picture := range generate(t, req) {
				require.Equal(t, size, picture.Bounds().Size())
				require.True(t, picture.(interface{ Opaque() bool }).Opaque())
			}
		})
	}
}

func TestGenerate_variantsDiffer(t *testing.T) {
	t.Parallel()
	for _, seed := range []int64{-7, math.MaxInt64} {
		req := providertest.Request()
		req.Seed, req.Variants, req.Prompt.Vibe = seed, 4, ""
		pictures := generate(t, req)
		for i := range pictures {
			for j := range i {
				require.Greater(t, difference(pictures[i], pictures[j]), 25.0, "seed %d: variants %d and %d look alike", seed, j+1, i+1)
			}
		}
	}
}

func TestGenerate_vibeAndReferencesShow(t *testing.T) {
	t.Parallel()
	req := providertest.Request()
	plain := generate(t, req)
	vibe := req
	vibe.Prompt.Vibe = "clean minimal"
	for i, picture := range generate(t, vibe) {
		require.Greater(t, difference(plain[i], picture), 25.0, "variant %d ignores the vibe", i+1)
	}
	for _, role := range []string{"selfie", "ref", "copy_target"} {
		with := req
		with.References = []providers.Reference{providertest.Reference(t, role)}
		for i, picture := range generate(t, with) {
			require.Greater(t, difference(plain[i], picture), 4.0, "variant %d ignores the %s", i+1, role)
		}
	}
}

func TestGenerate_hostileText(t *testing.T) {
	t.Parallel()
	for i, headline := range hostile() {
		req := providertest.Request()
		req.Width, req.Height, req.Variants, req.Seed = 160, 90, 2, int64(i)
		req.Prompt = providers.Prompt{Headline: headline, Subtext: headline, Vibe: headline, Details: headline}
		generate(t, req)
	}
}

func TestGenerate_invalid(t *testing.T) {
	t.Parallel()
	truncated := providertest.Reference(t, "ref")
	truncated.Data = truncated.Data[:len(truncated.Data)/2]
	cases := map[string]func(*providers.ImageRequest){
		"no variants": func(r *providers.ImageRequest) { r.Variants = 0 },
		"no width":    func(r *providers.ImageRequest) { r.Width = 0 },
		"too high":    func(r *providers.ImageRequest) { r.Height = 100_000 },
		"no picture": func(r *providers.ImageRequest) {
			r.References = []providers.Reference{{Role: "ref", Data: []byte("<svg/>")}}
		},
		"truncated": func(r *providers.ImageRequest) { r.References = []providers.Reference{truncated} },
		"bomb": func(r *providers.ImageRequest) {
			r.References = []providers.Reference{{Role: "ref", Data: pngHeader(8000, 5001)}}
		},
	}
	for name, spoil := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := providertest.Request()
			spoil(&req)
			_, err := New(time.Now).Generate(t.Context(), req, &providertest.MemorySink{})
			var failure *providers.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, providers.Permanent, failure.Class)
			require.Equal(t, "local", failure.Provider)
		})
	}
}

func TestGenerate_cancelledBetweenSteps(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sink := &providertest.MemorySink{OnProgress: func(float64) { cancel() }}
	_, err := New(time.Now).Generate(ctx, providertest.Request(), sink)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, sink.Steps(), 1, "no step is taken after the cancel")
	require.Zero(t, sink.Len())
}

func TestDecode_shrinks(t *testing.T) {
	t.Parallel()
	big := image.NewYCbCr(image.Rect(0, 0, 1900, 700), image.YCbCrSubsampleRatio420)
	var data bytes.Buffer
	require.NoError(t, jpeg.Encode(&data, big, nil))
	img, err := decode(t.Context(), data.Bytes(), 400)
	require.NoError(t, err)
	require.Equal(t, image.Pt(400, 147), img.Bounds().Size())
}

func TestCover_keepsTheUpperHalf(t *testing.T) {
	t.Parallel()
	tall := image.NewRGBA(image.Rect(0, 0, 100, 300))
	for y := range 300 {
		for x := range 100 {
			tall.SetRGBA(x, y, color.RGBA{uint8(y / 2), 0, 0, 255})
		}
	}
	square := cover(tall, 50, 50)
	require.InDelta(t, 50/2, square.RGBAAt(25, 0).R, 2)
	require.InDelta(t, 150/2, square.RGBAAt(25, 49).R, 2)
}

// generate renders req and decodes the pictures.
func generate(t *testing.T, req providers.ImageRequest) []image.Image {
	t.Helper()
	sink := &providertest.MemorySink{}
	_, err := New(time.Now).Generate(t.Context(), req, sink)
	require.NoError(t, err)
	var out []image.Image
	for v := range req.Variants {
		picture, ok := sink.Picture(v + 1)
		require.True(t, ok)
		img, err := png.Decode(bytes.NewReader(picture.Data))
		require.NoError(t, err)
		out = append(out, img)
	}
	return out
}

// difference is the mean distance of the channels, from 0 to 255.
func difference(a, b image.Image) float64 {
	sum, n := 0.0, 0.0
	for y := 0; y < a.Bounds().Dy(); y += 4 {
		for x := 0; x < a.Bounds().Dx(); x += 4 {
			r0, g0, b0, _ := a.At(x, y).RGBA()
			r1, g1, b1, _ := b.At(x, y).RGBA()
			sum += math.Abs(float64(r0)-float64(r1)) + math.Abs(float64(g0)-float64(g1)) + math.Abs(float64(b0)-float64(b1))
			n += 3 * 257
		}
	}
	return sum / n
}

// pngHeader is a PNG file that promises w by h pixels and holds none.
func pngHeader(w, h uint32) []byte {
	chunk := append([]byte("IHDR"), make([]byte, 13)...)
	binary.BigEndian.PutUint32(chunk[4:], w)
	binary.BigEndian.PutUint32(chunk[8:], h)
	chunk[12], chunk[13] = 8, 6
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
}
