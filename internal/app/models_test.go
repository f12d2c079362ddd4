package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/config"
	"github.com/mugshot-studio/backend/internal/ratelimit"
)

// whoDraws opens the providers of an environment and tells who draws, by model.
func whoDraws(t *testing.T, cfg config.Config) (*App, map[string]string) {
	t.Helper()
	counters, err := ratelimit.Open(ratelimit.Config{URL: "redis://127.0.0.1:1", Namespace: "test", Key: []byte("k")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, counters.Close()) })
	cfg.ProviderFailures, cfg.ProviderRest = 5, time.Second
	a := &App{cfg: cfg, outside: Outside{Now: time.Now, Log: slog.New(slog.DiscardHandler)}, counters: counters}
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	require.NoError(t, a.openProviders(nil))
	who := map[string]string{}
	for id, entry := range a.registry {
		who[id] = entry.Provider + " " + entry.VendorModel
	}
	return a, who
}

func TestProviders_development(t *testing.T) {
	t.Parallel()
	_, who := whoDraws(t, config.Config{Env: config.Development})
	require.Equal(t, map[string]string{
		"nano_banana": "local nano_banana", "nano_banana_pro": "local nano_banana_pro", "seedream": "local seedream",
		"fal_flux": "local fal_flux",
	}, who)

	a, who := whoDraws(t, config.Config{
		Env: config.Development, GeminiAPIKey: "k", ProviderModels: map[string]string{"nano_banana_pro": "of-tomorrow", "chat": "talker"},
	})
	require.Equal(t, map[string]string{
		"nano_banana": "gemini gemini-nano-banana-2.1", "nano_banana_pro": "gemini of-tomorrow", "seedream": "local seedream",
		"fal_flux": "local fal_flux",
	}, who)
	require.NotNil(t, a.writer.text)
	require.Equal(t, "talker", a.writer.model)
}

// Production never falls back to pictures that no vendor drew.
func TestProviders_production(t *testing.T) {
	t.Parallel()
	a, who := whoDraws(t, config.Config{Env: config.Production})
	require.Empty(t, who)
	require.False(t, a.available(catalog.DefaultModel))
	require.Nil(t, a.writer.text)

	_, who = whoDraws(t, config.Config{
		Env: config.Production, GeminiAPIKey: "k", ByteDanceAPIKey: "k", FalKey: "k",
		GeminiBaseURL: "https://g.test", ByteDanceBaseURL: "https://b.test", FalBaseURL: "https://f.test", ByteDanceRPM: 500,
	})
	require.Equal(t, map[string]string{
		"nano_banana": "gemini gemini-nano-banana-2.1", "nano_banana_pro": "gemini gemini-3-pro-image",
		"seedream": "seedream seedream-4-5-251128", "fal_flux": "fal fal-ai/flux/dev",
	}, who)
}

func TestChooseModels(t *testing.T) {
	t.Parallel()
	models, err := chooseModels(nil)
	require.NoError(t, err)
	for _, model := range catalog.New(func(string) bool { return true }, nil).Models() {
		require.Equal(t, model.Provider, models[model.ID].provider, "%s of the catalog has a vendor", model.ID)
	}
	for _, replaced := range []map[string]string{{"nano_bananna": "x"}, {"nano_banana": ""}} {
		_, err := chooseModels(replaced)
		require.ErrorContains(t, err, "nano_banana_pro", "it says what there is")
	}
}
