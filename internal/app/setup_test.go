package app

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
)

// setup opens the providers of a configuration, and returns the provider and the vendor's model by model of the catalog.
func setup(t *testing.T, cfg config.Config) (*App, map[string]string) {
	t.Helper()
	return setupLogging(t, cfg, io.Discard)
}

// setupLogging is setup with a log.
func setupLogging(t *testing.T, cfg config.Config, log io.Writer) (*App, map[string]string) {
	t.Helper()
	checker, err := inspect.New(inspect.Config{})
	require.NoError(t, err)
	counters, err := ratelimit.Open(ratelimit.Config{URL: "redis://127.0.0.1:1", Namespace: "test", Key: []byte("k")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, counters.Close()) })
	cfg.ProviderFailures, cfg.ProviderOpenFor = 5, time.Second
	a := &App{
		cfg: cfg, environment: Environment{Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))}, counters: counters,
		meters: prometheus.NewRegistry(),
	}
	a.metrics = telemetry.NewMetrics(a.meters)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	require.NoError(t, a.openProviders(checker))
	drawers := map[string]string{}
	for id, entry := range a.registry {
		drawers[id] = entry.Provider + " " + entry.VendorModel
	}
	return a, drawers
}
