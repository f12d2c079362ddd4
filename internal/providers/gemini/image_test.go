package gemini_test

import (
	"bytes"
	"context"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/gemini"
	"github.com/mugshot-studio/backend/test/conformance/providertest"
	"github.com/mugshot-studio/backend/test/fakes/geminifake"
)

func provider(t *testing.T, fake *geminifake.Fake, change ...func(*gemini.Config)) *gemini.Provider {
	t.Helper()
	cfg := gemini.Config{BaseURL: fake.URL, Key: providertest.Key, Now: time.Now}
	for _, c := range change {
		c(&cfg)
	}
	p, err := gemini.New(cfg)
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func TestImage_conforms(t *testing.T) {
	t.Parallel()
	providertest.Image(t, func(t *testing.T) providers.Image { return provider(t, geminifake.New(t)) })
}

func TestImage_faults(t *testing.T) { //nolint:paralleltest // it measures memory
	providertest.Faults(t, func(t *testing.T, fault providertest.Fault, good int) providers.Image {
		fake := geminifake.New(t)
		fake.Fail(fault, good)
		return provider(t, fake)
	})
}

func TestImage_asksForWhatTheRequestSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		width, height int
		quality       string
		model         string
		ratio, size   string
	}{
		"youtube":              {1280, 720, "std", "gemini-nano-banana-2.1", "16:9", "1K"},
		"shorts":               {1080, 1920, "std", "gemini-nano-banana-2.1", "9:16", "2K"},
		"draft":                {1080, 1920, "draft", "gemini-nano-banana-2.1", "9:16", "1K"},
		"instagram":            {1080, 1350, "std", "gemini-nano-banana-2.1", "4:5", "2K"},
		"link preview":         {1200, 628, "std", "gemini-nano-banana-2.1", "16:9", "1K"},
		"4k":                   {3840, 2160, "4k", "gemini-3-pro-image", "16:9", "4K"},
		"lite knows one alone": {3840, 2160, "4k", "gemini-3.1-flash-lite-image", "16:9", "1K"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake, sink := geminifake.New(t), &providertest.MemorySink{}
			req := providertest.Request()
			req.Width, req.Height, req.Quality, req.Model, req.Variants = c.width, c.height, c.quality, c.model, 1
			_, err := provider(t, fake).Generate(t.Context(), req, sink)
			require.NoError(t, err)
			asked := fake.Requests()
			require.Len(t, asked, 1)
			require.Equal(t, [2]string{c.ratio, c.size}, [2]string{asked[0].AspectRatio, asked[0].ImageSize})
			require.Equal(t, c.model, asked[0].Model)
			require.Equal(t, providertest.Key, asked[0].Key)
			require.Contains(t, asked[0].Prompt(), req.Prompt.Headline)
			picture, _ := sink.Picture(1)
			require.Equal(t, [2]int{c.width, c.height}, [2]int{picture.Width, picture.Height})
		})
	}
}

// Every variant is a call with a seed of its own, that another attempt of the job uses again.
func TestImage_seedsAndMeta(t *testing.T) {
	t.Parallel()
	fake := geminifake.New(t)
	p := provider(t, fake)
	req := providertest.Request()
	req.Seed = -3
	for range 2 {
		result, err := p.Generate(t.Context(), req, &providertest.MemorySink{})
		require.NoError(t, err)
		require.Equal(t, "fake-response-id,fake-response-id,fake-response-id", result.Meta.RequestID)
		require.InDelta(t, 3*0.067, result.Meta.CostEstimate, 1e-9)
		require.Equal(t, "gemini", result.Meta.ProviderName)
	}
	var seeds []int32
	for _, asked := range fake.Requests() {
		require.GreaterOrEqual(t, asked.Seed, int32(0))
		seeds = append(seeds, asked.Seed)
	}
	require.Len(t, seeds, 6)
	require.Equal(t, seeds[:3], seeds[3:])
	require.NotEqual(t, seeds[0], seeds[1])
}

// Pictures of the size that creators may send would be several times of what Gemini takes.
func TestImage_largeReferencesAreMadeToFit(t *testing.T) {
	t.Parallel()
	noise := image.NewGray(image.Rect(0, 0, 2400, 2400))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise.Pix {
		noise.Pix[i] = uint8(random.UintN(256))
	}
	var encoded bytes.Buffer
	require.NoError(t, jpeg.Encode(&encoded, noise, &jpeg.Options{Quality: 95}))
	require.Greater(t, encoded.Len(), 5_000_000)
	req := providertest.Request()
	req.Variants = 1
	for range 4 {
		req.References = append(req.References, providers.Reference{Role: "ref", ContentType: "image/jpeg", Data: encoded.Bytes()})
	}
	fake := geminifake.New(t)
	_, err := provider(t, fake).Generate(t.Context(), req, &providertest.MemorySink{})
	require.NoError(t, err)
	asked := fake.Requests()[0]
	require.Less(t, len(asked.Body), 20_000_000)
	images := asked.Turns[0].Images
	require.Len(t, images, 4)
	for _, sent := range images {
		require.Equal(t, "image/jpeg", sent.MIMEType)
		_, err := jpeg.DecodeConfig(bytes.NewReader(sent.Data))
		require.NoError(t, err)
	}
}

func TestImage_referencesAreRedrawn(t *testing.T) {
	t.Parallel()
	fake := geminifake.New(t)
	p := provider(t, fake, func(c *gemini.Config) {
		c.Redraw = func(_ context.Context, r providers.Reference) (providers.Reference, error) {
			return providers.Reference{Role: r.Role, ContentType: "image/webp", Data: []byte("redrawn")}, nil
		}
	})
	req := providertest.Request()
	req.References = []providers.Reference{providertest.Reference(t, "selfie")}
	_, err := p.Generate(t.Context(), req, &providertest.MemorySink{})
	require.NoError(t, err)
	require.Equal(t, []geminifake.Blob{{MIMEType: "image/webp", Data: []byte("redrawn")}}, fake.Requests()[0].Turns[0].Images)
}

// A call that takes longer than any drawing does is the vendor's failure, while the job goes on.
func TestImage_callTimeout(t *testing.T) {
	t.Parallel()
	fake := geminifake.New(t)
	fake.Fail(providertest.Hang, 0)
	p := provider(t, fake, func(c *gemini.Config) { c.CallTimeout = 50 * time.Millisecond })
	_, err := p.Generate(t.Context(), providertest.Request(), &providertest.MemorySink{})
	var vendor *providers.Error
	require.ErrorAs(t, err, &vendor)
	require.Equal(t, providers.Transient, vendor.Class)
	require.Equal(t, "timeout", vendor.Reason)
}

func TestImage_aVendorThatIsNotThere(t *testing.T) {
	t.Parallel()
	p := provider(t, &geminifake.Fake{URL: "http://127.0.0.1:1"})
	_, err := p.Generate(t.Context(), providertest.Request(), &providertest.MemorySink{})
	var vendor *providers.Error
	require.ErrorAs(t, err, &vendor)
	require.Equal(t, "unreachable", vendor.Reason)
}
