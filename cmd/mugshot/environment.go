package main

import (
	"context"
	"errors"
	"os"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
)

// load reads the configuration, and makes the app.Environment of a real process.
func load(environ map[string]string) (config.Config, app.Environment, error) {
	cfg, err := config.Load(environ)
	if err != nil {
		return config.Config{}, app.Environment{}, err
	}
	log, end := telemetry.NewLogger(os.Stderr, cfg.LogLevel, cfg.InProduction())
	environment := app.SystemEnvironment(log, os.Stdout)
	environment.EndLog = end
	return cfg, environment, nil
}

// open builds an App for a command that needs what production or a running development stack has.
func open(ctx context.Context) (*app.App, config.Config, error) {
	environ, err := config.Environment()
	if err != nil {
		return nil, config.Config{}, err
	}
	if environ, err = app.WithRunningStack(ctx, environ); err != nil {
		return nil, config.Config{}, err
	}
	cfg, environment, err := load(environ)
	if err != nil {
		return nil, config.Config{}, err
	}
	if cfg.DatabaseURL == "" || cfg.RedisURL == "" || cfg.JWTSecret == "" {
		return nil, config.Config{}, errors.New(
			"DATABASE_URL, REDIS_URL and JWT_SECRET are not set, and no development stack is running: start it with make run")
	}
	opened, err := app.Open(ctx, cfg, environment)
	return opened, cfg, err
}
