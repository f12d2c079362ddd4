// Command mugshot-dev is `make run`: the whole stack in one process, for development. It starts the Postgres and the Redis
// that the configuration does not name, migrates, and serves the API, the worker and the operators' pages. It is the only
// program that links test/devstack; production runs cmd/mugshot.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mugshot-dev:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	environ, err := config.Environment()
	if err != nil {
		return err
	}
	cfg, err := config.Load(environ)
	if err != nil {
		return err
	}
	if cfg.InProduction() {
		return errors.New("this is for development: unset APP_ENV, or run `mugshot api` and `mugshot worker`")
	}
	log, end := telemetry.NewLogger(os.Stderr, cfg.LogLevel, false)
	environment := app.SystemEnvironment(log, os.Stdout)
	environment.EndLog = end
	err = runStack(ctx, cfg, environment)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // Ctrl-C before it was up
	}
	return err
}
