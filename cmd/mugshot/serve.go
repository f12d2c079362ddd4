package main

import (
	"context"
	"errors"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/platform/config"
)

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
	load := loader(config.Load)
	if public {
		load = config.LoadAPI
	}
	opened, cfg, err := openAs(ctx, load)
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
