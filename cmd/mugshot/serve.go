package main

import (
	"context"
	"errors"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/config"
)

func dev(ctx context.Context, _ []string) error {
	environ, err := config.Environment()
	if err != nil {
		return err
	}
	cfg, outside, err := load(environ)
	if err != nil {
		return err
	}
	if cfg.InProduction() {
		return errors.New("dev is for development: unset APP_ENV, or run api and worker")
	}
	err = app.Dev(ctx, cfg, outside)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // Ctrl-C before it was up
	}
	return err
}

func api(ctx context.Context, _ []string) error { return serve(ctx, true) }

func work(ctx context.Context, args []string) error {
	if len(args) > 1 && args[0] == "dead" {
		return dead(ctx, args[1], args[2:])
	}
	if len(args) > 0 {
		return errUsage
	}
	return serve(ctx, false)
}

// serve plays one role until ctx ends.
func serve(ctx context.Context, public bool) (err error) {
	opened, cfg, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	roles := app.Roles{Worker: !public}
	if public {
		if roles.API, err = app.Listen(ctx, "HTTP_ADDR", cfg.HTTPAddr); err != nil {
			return err
		}
	}
	if roles.Admin, err = app.Listen(ctx, "ADMIN_ADDR", cfg.AdminAddr); err != nil {
		return err
	}
	return opened.Run(ctx, roles)
}
