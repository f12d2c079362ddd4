// Command skewed runs a role of mugshot with a clock that is wrong, for the chaos suite: skewed api|worker SKEW. It is no part
// of the product, whose clock is one of its dependencies so that tests can set it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "skewed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	if len(args) != 2 {
		return errors.New("usage: skewed api|worker SKEW")
	}
	skew, err := time.ParseDuration(args[1])
	if err != nil {
		return fmt.Errorf("read the skew: %w", err)
	}
	environ, err := config.Environment()
	if err != nil {
		return err
	}
	cfg, err := config.Load(environ)
	if err != nil {
		return err
	}
	log, _ := telemetry.NewLogger(os.Stderr, cfg.LogLevel, false)
	environment := app.SystemEnvironment(log, os.Stdout)
	environment.Now = func() time.Time { return time.Now().Add(skew) }
	opened, err := app.Open(ctx, cfg, environment)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	roles := app.Roles{Worker: args[0] == "worker"}
	if !roles.Worker {
		if roles.API, err = app.Listen(ctx, "HTTP_ADDR", cfg.HTTPAddr); err != nil {
			return err
		}
	}
	if roles.Admin, err = app.Listen(ctx, "ADMIN_ADDR", cfg.AdminAddr); err != nil {
		return err
	}
	return opened.Run(ctx, roles)
}
