package main

import (
	"context"
	"errors"
	"os"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
)

// loader reads the settings of a role out of an environment.
type loader func(environ map[string]string) (config.Config, error)

// system makes the app.Environment of a real process.
func system(cfg config.Config) app.Environment {
	log, end := telemetry.NewLogger(os.Stderr, cfg.LogLevel, cfg.InProduction())
	environment := app.SystemEnvironment(log, os.Stdout)
	environment.EndLog = end
	return environment
}

// open builds an App for a command of an operator, which needs what production or a running development stack has.
func open(ctx context.Context) (*app.App, config.Config, error) { return openAs(ctx, config.Load) }

// openAs is open for a role.
func openAs(ctx context.Context, load loader) (*app.App, config.Config, error) {
	environ, err := config.Environment()
	if err != nil {
		return nil, config.Config{}, err
	}
	if environ, err = app.WithRunningStack(ctx, environ); err != nil {
		return nil, config.Config{}, err
	}
	cfg, err := load(environ)
	if err != nil {
		return nil, config.Config{}, err
	}
	if cfg.DatabaseURL == "" || cfg.RedisURL == "" || cfg.JWTSecret == "" {
		return nil, config.Config{}, errors.New(
			"DATABASE_URL, REDIS_URL and JWT_SECRET are not set, and no development stack is running: start it with make run")
	}
	opened, err := app.Open(ctx, cfg, system(cfg))
	return opened, cfg, err
}
