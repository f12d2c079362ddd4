// Command instant is `mugshot worker` with a provider that takes no time, so that the benchmark measures the handling of a job and
// not the drawing: claim, prompt, moderation, storing the picture, and the end. All else is the product's code.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
	"github.com/mugshot-studio/backend/internal/providers"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := work(ctx)
	stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "instant:", err)
		os.Exit(1)
	}
}

func work(ctx context.Context) (err error) {
	environ, err := config.Environment()
	if err != nil {
		return err
	}
	cfg, err := config.Load(environ)
	if err != nil {
		return err
	}
	log, end := telemetry.NewLogger(os.Stderr, cfg.LogLevel, true)
	environment := app.SystemEnvironment(log, os.Stdout)
	environment.EndLog = end
	environment.Images = registry()
	opened, err := app.Open(ctx, cfg, environment)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if err := opened.Objects().EnsureBuckets(ctx, storage.Buckets()); err != nil {
		return err
	}
	admin, err := app.Listen(ctx, "ADMIN_ADDR", cfg.AdminAddr)
	if err != nil {
		return err
	}
	return opened.Run(ctx, app.Roles{Worker: true, Admin: admin})
}

// registry registers the provider for every model, under the name of the model's vendor.
func registry() providers.Registry {
	all := providers.Registry{}
	for _, model := range catalog.New(func(string) bool { return true }, nil).Models() {
		all[model.ID] = providers.Entry{Provider: model.Provider, Image: provider{}, VendorModel: model.ID}
	}
	return all
}
