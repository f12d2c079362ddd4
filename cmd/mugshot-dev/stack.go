package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/devstack"
)

// devDatabase is the database of a developer.
const devDatabase = "mugshot"

// runStack runs the whole stack in one process until ctx ends: it starts what the configuration does not name (Postgres,
// Redis), migrates, and plays both roles. Data stay under DEV_DIR.
func runStack(ctx context.Context, cfg config.Config, environment app.Environment) (err error) {
	api, err := app.Listen(ctx, "HTTP_ADDR", cfg.HTTPAddr) // first: the most likely thing to be in the way
	if err != nil {
		return err
	}
	defer func() { _ = api.Close() }()
	cfg.DrainGrace = 0 // no load balancer has to notice the end of a development stack
	cfg, stop, err := startServers(ctx, cfg, environment.Console)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	if _, err := migrate.Up(ctx, cfg.DatabaseURL.Reveal(), migrations.FS, environment.Log); err != nil {
		return err
	}
	opened, err := app.Open(ctx, cfg, environment)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if err := opened.Objects().EnsureBuckets(ctx, storage.Buckets()); err != nil {
		return fmt.Errorf("prepare storage: %w", err)
	}
	admin, err := listenAnywhere(ctx, cfg.AdminAddr)
	if err != nil {
		return err
	}
	banner(environment.Console, cfg, admin.Addr().String())
	return opened.Run(ctx, app.Roles{API: api, Admin: admin, Worker: true})
}

// startServers starts what the configuration does not name, and records how other commands reach it. stop is never nil.
func startServers(ctx context.Context, cfg config.Config, console io.Writer) (_ config.Config, stop func() error, err error) {
	var stops []func() error
	stop = func() error {
		var errs []error
		for _, stop := range slices.Backward(stops) {
			errs = append(errs, stop())
		}
		return errors.Join(errs...)
	}
	if err := os.MkdirAll(cfg.DevDir, 0o755); err != nil { //nolint:gosec // the database server is another user
		return cfg, stop, fmt.Errorf("make %s: %w", cfg.DevDir, err)
	}
	log, err := os.OpenFile(filepath.Join(cfg.DevDir, "servers.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return cfg, stop, fmt.Errorf("open log of the servers: %w", err)
	}
	stops = append(stops, log.Close)
	if cfg.JWTSecret == "" {
		if cfg.JWTSecret, err = devSecret(cfg.DevDir); err != nil {
			return cfg, stop, err
		}
	}
	if cfg.DatabaseURL == "" {
		postgres, err := startPostgres(ctx, cfg.DevDir, log, console)
		if err != nil {
			return cfg, stop, err
		}
		stops = append(stops, postgres.Stop)
		cfg.DatabaseURL = config.Secret(postgres.DSN(devDatabase))
	}
	if cfg.RedisURL == "" {
		redis, err := devstack.StartRedis(ctx, devstack.RedisConfig{
			Dir: filepath.Join(cfg.DevDir, "redis"), Durable: true, Log: log,
		})
		if err != nil {
			return cfg, stop, err
		}
		stops = append(stops, redis.Stop)
		cfg.RedisURL = config.Secret(redis.URL())
	}
	forget, err := app.RecordRunningStack(cfg)
	if err == nil {
		stops = append(stops, forget)
	}
	return cfg, stop, err
}

func startPostgres(ctx context.Context, dir string, log, console io.Writer) (*devstack.Postgres, error) {
	binaries, err := devstack.FindPostgres(ctx, devstack.FindConfig{Progress: console})
	if err != nil {
		return nil, err
	}
	postgres, err := devstack.StartPostgres(ctx, devstack.PostgresConfig{
		DataDir: filepath.Join(dir, "postgres"), Durable: true, Binaries: binaries, Log: log,
	})
	if err != nil {
		return nil, err
	}
	if err := postgres.EnsureDatabase(ctx, devDatabase); err != nil {
		return nil, errors.Join(err, postgres.Stop())
	}
	return postgres, nil
}
