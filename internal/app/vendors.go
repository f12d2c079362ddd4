package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/providers/breaker"
	"github.com/mugshot-studio/backend/internal/providers/fal"
	"github.com/mugshot-studio/backend/internal/providers/gemini"
	"github.com/mugshot-studio/backend/internal/providers/local"
	"github.com/mugshot-studio/backend/internal/providers/seedream"
	"github.com/mugshot-studio/backend/internal/providers/transport"
)

// replyText is the vendor that writes the chat's replies.
type replyText struct {
	provider providers.Text // nil: no vendor does
	model    string         // the vendor's name of the model
}

// openProviders sets the providers that draw, moderate and write. A vendor whose key is set draws for its models. In
// development the built-in provider draws for all others; production never falls back to it, and does not offer them.
func (a *App) openProviders(checker *inspect.Checker) error {
	if a.environment.Images != nil {
		a.registry, a.breakerOpen = a.environment.Images, func(string) bool { return false }
		a.moderator = chooseModerator(nil, "", checker)
		return nil
	}
	models, err := chooseModels(a.cfg.ProviderModels)
	if err != nil {
		return err
	}
	images, text, err := a.openVendors(checker)
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(models))
	for id := range models {
		ids = append(ids, id)
	}
	guarded := breaker.New(breaker.Config{
		Failures: a.cfg.ProviderFailures, OpenFor: a.cfg.ProviderOpenFor, Observe: a.observeCall,
	}, a.counters, a.environment.Log, ids...)
	a.registry, a.breakerOpen = providers.Registry{}, guarded.IsOpen
	for _, model := range catalog.New(func(string) bool { return true }, nil).Models() {
		vendor := models[model.ID]
		if image := images[vendor.provider]; image != nil {
			a.registry[model.ID] = providers.Entry{
				Provider: vendor.provider, Image: guarded.Image(model.ID, vendor.provider, image), VendorModel: vendor.model,
			}
		}
	}
	a.moderator = chooseModerator(text, models[chatModel].model, checker)
	switch {
	case text != nil: // it shares the breaker of the model that it asks
		a.moderator = guarded.Moderator(chatModel, models[chatModel].provider, a.moderator)
	case a.cfg.InProduction():
		a.environment.Log.Warn("pictures that are to be copied are judged by the count of their faces alone: GEMINI_API_KEY is not set")
	}
	if chat := models[chatModel]; text != nil {
		a.replyText = replyText{provider: guarded.Text(chatModel, chat.provider, text), model: chat.model}
	}
	ours := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return images[models[id].provider] == nil })
	telemetry.RegisterOpenBreakers(a.meters, ours, guarded.IsOpen)
	a.drawLocally()
	return nil
}

// drawLocally fills in the built-in provider for models without a vendor, in development alone.
func (a *App) drawLocally() {
	if a.cfg.InProduction() {
		return
	}
	builtIn := local.New(a.environment.Now)
	for _, model := range catalog.New(func(string) bool { return true }, nil).Models() {
		if !a.registry.Available(model.ID) {
			a.registry[model.ID] = providers.Entry{Provider: "local", Image: builtIn, VendorModel: model.ID}
		}
	}
}

// openCatalog sets what can be ordered. A model of fal takes the creator's pictures only where FAL_EDIT_ENDPOINT names an
// endpoint that does.
func (a *App) openCatalog() {
	a.catalog = catalog.New(a.available, a.registry.ProviderOf)
	if a.cfg.FalEditEndpoint == "" {
		return
	}
	for _, model := range a.catalog.Models() {
		if model.Provider == fal.Name {
			a.catalog.Grant(model.ID, catalog.Copy, catalog.References, catalog.Selfie)
		}
	}
}

// openVendors opens the vendors whose keys are set, by name; Gemini is also the one that writes text.
func (a *App) openVendors(checker *inspect.Checker) (images map[string]providers.Image, text providers.Text, err error) {
	cfg, now, redraw := a.cfg, a.environment.Now, redrawWith(checker)
	images = map[string]providers.Image{}
	if cfg.GeminiAPIKey != "" {
		vendor, err := gemini.New(gemini.Config{
			BaseURL: cfg.GeminiBaseURL, Key: cfg.GeminiAPIKey.Reveal(), Client: a.vendorClient(gemini.Name, transport.MaxAnswer, cfg.GeminiRPM),
			Now: now, Redraw: redraw,
		})
		if err != nil {
			return nil, nil, err
		}
		images[gemini.Name], text = vendor, vendor
	}
	if cfg.ByteDanceAPIKey != "" {
		vendor, err := seedream.New(seedream.Config{
			BaseURL: cfg.ByteDanceBaseURL, Key: cfg.ByteDanceAPIKey.Reveal(),
			Client: a.vendorClient(seedream.Name, transport.MaxAnswer, cfg.ByteDanceRPM), Now: now, Redraw: redraw,
		})
		if err != nil {
			return nil, nil, err
		}
		images[seedream.Name] = vendor
	}
	if cfg.FalKey != "" {
		vendor, err := fal.New(fal.Config{
			BaseURL: cfg.FalBaseURL, Key: cfg.FalKey.Reveal(), Client: a.vendorClient(fal.Name, falAnswer, cfg.FalRPM), Now: now,
			Redraw: redraw, EditEndpoint: cfg.FalEditEndpoint, AllowLoopback: !cfg.InProduction(),
		})
		if err != nil {
			return nil, nil, err
		}
		a.closers = append(a.closers, func() error { vendor.Close(); return nil })
		images[fal.Name] = vendor
	}
	return images, text, nil
}

// falAnswer bounds what fal's queue answers, in bytes; its pictures come from elsewhere.
const falAnswer = 1 << 20

// vendorClient sends a vendor's requests, no more of them a minute than it takes from all our processes together.
func (a *App) vendorClient(provider string, maxAnswer int64, perMinute int) *http.Client {
	client := transport.NewClient(maxAnswer)
	client.Transport = a.tracing.Calls(client.Transport, provider)
	a.closers = append(a.closers, func() error { client.CloseIdleConnections(); return nil })
	if perMinute == config.Unlimited {
		return client
	}
	// A tenth may come at once, so that no minute, wherever it begins, sees more than a tenth beyond the limit.
	burst := max(1, perMinute/10)
	limit := ratelimit.Limit{
		Class: "provider", Subject: ratelimit.Vendor(provider), Requests: burst,
		Period: time.Duration(burst) * time.Minute / time.Duration(perMinute),
	}
	return transport.Limit(client, provider, func(ctx context.Context) (time.Duration, error) {
		result, err := a.counters.Allow(ctx, limit)
		return result.RetryAfter, err
	})
}

// redrawWith prepares pictures for a vendor: upright, at most 2048 pixels a side, and without metadata.
func redrawWith(checker *inspect.Checker) providers.Redraw {
	return func(ctx context.Context, r providers.Reference) (providers.Reference, error) {
		redrawn, err := checker.Check(ctx, bytes.NewReader(r.Data), inspect.Wanted{
			ContentType: r.ContentType, Size: int64(len(r.Data)), Redraw: true,
		})
		if err != nil {
			return r, fmt.Errorf("redraw a %s: %w", r.Role, err)
		}
		return providers.Reference{Role: r.Role, ContentType: redrawn.ContentType, Data: redrawn.Data}, nil
	}
}
