package providertest

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	_ "image/jpeg" // decoder of results
	"image/png"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	_ "golang.org/x/image/webp" // decoder of results

	"github.com/mugshot-studio/backend/internal/providers"
)

// Option asks for more than every provider guarantees.
type Option func(*suite)

// Deterministic asks that equal requests give the same bytes, and other seeds others.
func Deterministic() Option { return func(s *suite) { s.deterministic = true } }

type suite struct {
	provider      func(t *testing.T) providers.Image
	deterministic bool
}

// endTimeout bounds how long a cancelled call may still take: far more than it should, so that a busy machine does not fail it.
const endTimeout = 10 * time.Second

// Image runs the suite of an image provider. provider returns a new provider whose vendor, real or fake, answers every request
// with success.
func Image(t *testing.T, provider func(t *testing.T) providers.Image, options ...Option) {
	t.Helper()
	s := suite{provider: provider}
	for _, option := range options {
		option(&s)
	}
	t.Run("Pictures", s.pictures)
	t.Run("References", s.references)
	t.Run("CancelledBefore", s.cancelledBefore)
	t.Run("CancelledDuring", s.cancelledDuring)
	t.Run("SinkFails", s.sinkFails)
	t.Run("BeginRefused", s.beginRefused)
	if s.deterministic {
		t.Run("Deterministic", s.sameBytes)
	}
}

// Request returns a small valid request, of which a test changes what it is about.
func Request() providers.ImageRequest {
	return providers.ImageRequest{
		JobID:    uuid.MustParse("0192f0c1-7a3b-7c4d-8e5f-0123456789ab"),
		Model:    "model-under-test",
		Mode:     "design",
		Platform: "youtube",
		Quality:  "draft",
		Width:    320, Height: 180,
		Variants: 3,
		Seed:     42,
		Prompt:   providers.Prompt{Headline: "I survived 100 days", Subtext: "and so can you", Vibe: "dark moody"},
	}
}

// Reference is a small valid picture of the given role.
func Reference(t *testing.T, role string) providers.Reference {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, 96, 64))
	for i := range 96 * 64 {
		img.SetRGBA(i%96, i/96, color.RGBA{uint8(2 * (i % 96)), uint8(3 * (i / 96)), 120, 255})
	}
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, img))
	return providers.Reference{Role: role, ContentType: "image/png", Data: out.Bytes()}
}

func (s suite) pictures(t *testing.T) {
	t.Parallel()
	for _, size := range []image.Point{{X: 320, Y: 180}, {X: 180, Y: 320}, {X: 200, Y: 200}} {
		req, sink := Request(), &MemorySink{}
		req.Width, req.Height = size.X, size.Y
		result, err := s.provider(t).Generate(t.Context(), req, sink)
		require.NoError(t, err)
		requirePictures(t, req, result, sink)
	}
}

func (s suite) references(t *testing.T) {
	t.Parallel()
	req, sink := Request(), &MemorySink{}
	req.Mode = "copy"
	for _, role := range []string{"selfie", "ref", "ref", "copy_target"} {
		req.References = append(req.References, Reference(t, role))
	}
	result, err := s.provider(t).Generate(t.Context(), req, sink)
	require.NoError(t, err)
	requirePictures(t, req, result, sink)
}

// requirePictures compares what was drawn with what was requested.
func requirePictures(t *testing.T, req providers.ImageRequest, result providers.ImageResult, sink *MemorySink) {
	t.Helper()
	require.Equal(t, req.Variants, sink.Len(), "stored variants")
	require.Len(t, result.Images, req.Variants)
	for i, path := range result.Images {
		require.Equal(t, Path(i+1), path, "paths stand in the order of the variants")
		picture, ok := sink.Picture(i + 1)
		require.True(t, ok, "variant %d was not stored", i+1)
		require.Equal(t, [2]int{req.Width, req.Height}, [2]int{picture.Width, picture.Height})
		img, format, err := image.Decode(bytes.NewReader(picture.Data))
		require.NoError(t, err, "variant %d can't be decoded", i+1)
		require.Equal(t, picture.ContentType, "image/"+format)
		require.Equal(t, image.Pt(req.Width, req.Height), img.Bounds().Size())
	}
	require.NotEmpty(t, result.Meta.ProviderName)
	require.Equal(t, req.Model, result.Meta.Model)
	require.GreaterOrEqual(t, result.Meta.LatencyMS, int64(0))
	require.GreaterOrEqual(t, result.Meta.CostEstimate, 0.0)

	steps := sink.Steps()
	require.NotEmpty(t, steps, "no progress was reported")
	require.True(t, slices.IsSorted(steps), "progress went back: %v", steps)
	require.GreaterOrEqual(t, steps[0], 0.0)
	require.LessOrEqual(t, steps[len(steps)-1], 1.0)
}

func (s suite) cancelledBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	sink := &MemorySink{}
	requirePrompt(t, context.Canceled, func() error {
		_, err := s.provider(t).Generate(ctx, Request(), sink)
		return err
	})
	require.Zero(t, sink.Len(), "a cancelled call stores nothing")
}

func (s suite) cancelledDuring(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	sink := &MemorySink{OnPut: func(int) error {
		cancel()
		return nil
	}}
	requirePrompt(t, context.Canceled, func() error {
		_, err := s.provider(t).Generate(ctx, Request(), sink)
		return err
	})
	require.Less(t, sink.Len(), Request().Variants, "the call went on after its context had ended")
}

func (s suite) sinkFails(t *testing.T) {
	t.Parallel()
	full := errors.New("bucket is full")
	sink := &MemorySink{OnPut: func(variant int) error {
		if variant == 2 {
			return full
		}
		return nil
	}}
	requirePrompt(t, full, func() error {
		_, err := s.provider(t).Generate(t.Context(), Request(), sink)
		return err
	})
}

// beginRefused ends a call at the variant that may not begin, and asks the vendor for no more.
func (s suite) beginRefused(t *testing.T) {
	t.Parallel()
	canceled := errors.New("job is cancelled")
	sink := &MemorySink{OnBegin: func(variant int) error {
		if variant == 2 {
			return canceled
		}
		return nil
	}}
	requirePrompt(t, canceled, func() error {
		_, err := s.provider(t).Generate(t.Context(), Request(), sink)
		return err
	})
	require.Equal(t, 1, sink.Len())
}

// requirePrompt calls generate and requires it to fail soon, with want in the error's chain and no [providers.Error]: a cancelled
// context or a failing sink of the caller is no failure of the vendor.
func requirePrompt(t *testing.T, want error, generate func() error) {
	t.Helper()
	failed := make(chan error, 1)
	go func() { failed <- generate() }()
	select {
	case err := <-failed:
		require.ErrorIs(t, err, want)
		var vendor *providers.Error
		require.NotErrorAs(t, err, &vendor)
	case <-time.After(endTimeout):
		require.FailNow(t, "the call did not end")
	}
}

func (s suite) sameBytes(t *testing.T) {
	t.Parallel()
	generate := func(seed int64) [][]byte {
		req, sink := Request(), &MemorySink{}
		req.Seed = seed
		_, err := s.provider(t).Generate(t.Context(), req, sink)
		require.NoError(t, err)
		var out [][]byte
		for v := range req.Variants {
			picture, _ := sink.Picture(v + 1)
			out = append(out, picture.Data)
		}
		return out
	}
	first, second, other := generate(1), generate(1), generate(2)
	for v := range first {
		require.True(t, bytes.Equal(first[v], second[v]), "variant %d differs between two equal requests", v+1)
		require.False(t, bytes.Equal(first[v], other[v]), "variant %d is the same for two seeds", v+1)
	}
}
