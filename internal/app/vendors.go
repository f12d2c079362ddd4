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
		a.moderator = chooseModerator(providers.Adapters{}, "", checker)
		return nil
	}
	models, err := chooseModels(a.cfg.ProviderModels)
	if err != nil {
		return err
	}
	opened, err := a.openVendors(checker)
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(models))
	for id := range models {
		ids = append(ids, id)
	}
	breakers := breaker.New(breaker.Config{
		Failures: a.cfg.ProviderFailures, OpenFor: a.cfg.ProviderOpenFor, Observe: a.observeCall,
	}, a.counters, a.environment.Log, ids...)
	a.registry, a.breakerOpen = providers.Registry{}, breakers.IsOpen
	for _, model := range catalog.New(func(string) bool { return true }, nil).Models() {
		vendor := models[model.ID]
		if image := opened[vendor.provider].Image; image != nil {
			a.registry[model.ID] = providers.Entry{
				Provider: vendor.provider, Image: breakers.Image(model.ID, vendor.provider, image), VendorModel: vendor.model,
			}
		}
	}
	chat := models[providers.ChatModel]
	writer := opened[chat.provider]
	a.moderator = chooseModerator(writer, chat.model, checker)
	switch {
	case writer.Moderator != nil: // it shares the breaker of the model that it asks
		a.moderator = breakers.Moderator(providers.ChatModel, chat.provider, a.moderator)
	case a.cfg.InProduction() && !a.cfg.Vendors()[chat.provider].Offered:
		a.environment.Log.Warn("pictures that are to be copied are moderated by the count of their faces alone: GEMINI_API_KEY is not set")
	}
	if writer.Text != nil {
		a.replyText = replyText{provider: breakers.Text(providers.ChatModel, chat.provider, writer.Text), model: chat.model}
	}
	ours := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return opened[models[id].provider].Image == nil })
	telemetry.RegisterOpenBreakers(a.meters, ours, breakers.IsOpen)
	a.drawLocally()
	return nil
}

// drawLocally registers the built-in provider for the models that no vendor draws with, in development alone.
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

// openCatalog says what a job can ask for. A vendor's model that takes no pictures takes them after all where another endpoint
// of the vendor is configured for such requests.
func (a *App) openCatalog() {
	a.catalog = catalog.New(a.available, a.registry.ProviderOf)
	for _, model := range a.catalog.Models() {
		if a.cfg.Vendors()[model.Provider].EditEndpoint != "" {
			a.catalog.Grant(model.ID, catalog.Copy, catalog.References, catalog.Selfie)
		}
	}
}

// vendors is the one list of them. Each registers itself by what it offers; its settings are in config.Vendors.
func vendors() []providers.Vendor {
	return []providers.Vendor{gemini.Vendor(), seedream.Vendor(), fal.Vendor()}
}

// openVendors opens those that are offered, by name. For a vendor whose key only the workers have it returns an adapter that
// draws nothing: the API names the models, and asks no vendor.
func (a *App) openVendors(checker *inspect.Checker) (map[string]providers.Adapters, error) {
	opened := map[string]providers.Adapters{}
	for _, vendor := range vendors() {
		settings := a.cfg.Vendors()[vendor.Name]
		switch {
		case !settings.Offered:
			continue
		case settings.Key == "":
			opened[vendor.Name] = providers.Adapters{Image: providers.Elsewhere{}}
			continue
		}
		adapters, err := vendor.Open(providers.Account{
			BaseURL: settings.BaseURL, Key: settings.Key.Reveal(), Now: a.environment.Now, Redraw: redrawWith(checker),
			Client:       a.vendorClient(vendor.Name, vendor.MaxAnswer, settings.PerMinute),
			EditEndpoint: settings.EditEndpoint, AllowLoopback: !a.cfg.InProduction(),
		})
		if err != nil {
			return nil, err
		}
		if adapters.Close != nil {
			a.closers = append(a.closers, func() error { adapters.Close(); return nil })
		}
		opened[vendor.Name] = adapters
	}
	return opened, nil
}

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
