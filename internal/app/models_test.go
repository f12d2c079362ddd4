package app

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/providers"
)

func TestProviders_development(t *testing.T) {
	t.Parallel()
	_, drawers := setup(t, config.Config{Env: config.Development})
	builtIn := map[string]string{}
	for _, model := range catalog.New(func(string) bool { return true }, nil).Models() {
		builtIn[model.ID] = "local " + model.ID
	}
	require.Equal(t, builtIn, drawers)

	a, drawers := setup(t, config.Config{
		Env: config.Development, GeminiAPIKey: "k", ProviderModels: map[string]string{"nano_banana_pro": "of-tomorrow", "chat": "talker"},
	})
	builtIn["nano_banana"], builtIn["nano_banana_pro"] = "gemini gemini-nano-banana-2.1", "gemini of-tomorrow"
	require.Equal(t, builtIn, drawers)
	require.NotNil(t, a.replyText.provider)
	require.Equal(t, "talker", a.replyText.model)
}

// Production never falls back to pictures that no vendor drew.
func TestProviders_production(t *testing.T) {
	t.Parallel()
	a, drawers := setup(t, config.Config{Env: config.Production})
	require.Empty(t, drawers)
	require.False(t, a.available(catalog.DefaultModel))
	require.Nil(t, a.replyText.provider)

	_, drawers = setup(t, config.Config{
		Env: config.Production, GeminiAPIKey: "k", ByteDanceAPIKey: "k", FalKey: "k",
		GeminiBaseURL: "https://g.test", ByteDanceBaseURL: "https://b.test", FalBaseURL: "https://f.test", ByteDanceRPM: 500,
	})
	require.Equal(t, map[string]string{
		"nano_banana": "gemini gemini-nano-banana-2.1", "nano_banana_pro": "gemini gemini-3-pro-image",
		"seedream": "seedream seedream-4-5-251128", "fal_flux": "fal fal-ai/flux/dev",
	}, drawers)
}

// FLUX takes no pictures, unless another endpoint of fal's takes them for it.
func TestCatalog_falTakesPicturesWhereAnEndpointDoes(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "fal-ai/bytedance/seedream/v4.5/edit"} {
		a, _ := setup(t, config.Config{Env: config.Production, FalKey: "k", FalBaseURL: "https://f.test", FalEditEndpoint: endpoint})
		a.openCatalog()
		flux, err := a.catalog.Model("fal_flux")
		require.NoError(t, err)
		for _, capability := range []string{catalog.References, catalog.Selfie, catalog.Copy} {
			require.Equal(t, endpoint != "", flux.Supports(capability), capability)
		}
	}
}

// The breaker of a moderator's vendor opens like that of a vendor that draws, and production warns where only the detector of
// faces moderates.
func TestProviders_moderator(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	a, _ := setupLogging(t, config.Config{Env: config.Production, GeminiAPIKey: "k", GeminiBaseURL: "http://127.0.0.1:1"}, &log)
	require.NotContains(t, log.String(), "GEMINI_API_KEY")
	var picture bytes.Buffer
	require.NoError(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 64, 64))))
	var err error
	for range 6 { // five failures open the breaker
		_, err = a.moderator.Moderate(t.Context(), providers.Picture{ContentType: "image/png", Data: picture.Bytes()})
		require.Error(t, err)
	}
	vendor, ok := errors.AsType[*providers.Error](err)
	require.True(t, ok, "%v", err)
	require.True(t, vendor.Throttled, "%v", err)

	for env, warned := range map[string]bool{config.Production: true, config.Development: false} {
		var log strings.Builder
		a, _ := setupLogging(t, config.Config{Env: env}, &log)
		require.Equal(t, "local/1", a.moderator.Name())
		require.Equal(t, warned, strings.Contains(log.String(), "GEMINI_API_KEY"))
	}
}

func TestChooseModels(t *testing.T) {
	t.Parallel()
	models, err := chooseModels(nil)
	require.NoError(t, err)
	for _, model := range catalog.New(func(string) bool { return true }, nil).Models() {
		require.Equal(t, model.Provider, models[model.ID].provider, "%s of the catalog has a vendor", model.ID)
	}
	for _, vendor := range vendors() {
		settings, ok := config.Config{}.Vendors()[vendor.Name]
		require.True(t, ok && settings.Prefix != "", "%s has settings", vendor.Name)
	}
	require.Len(t, config.Config{}.Vendors(), len(vendors()), "settings of no vendor")
	for _, replaced := range []map[string]string{{"nano_bananna": "x"}, {"nano_banana": ""}} {
		_, err := chooseModels(replaced)
		require.ErrorContains(t, err, "nano_banana_pro", "it says what there is")
	}
}
