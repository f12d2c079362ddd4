package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/mugshot-studio/backend/internal/app"
	"github.com/mugshot-studio/backend/internal/platform/config"
	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/internal/platform/telemetry"
	"github.com/mugshot-studio/backend/migrations"
)

// migrateSchema needs DATABASE_URL alone, so that it can run before anything else is configured. It grants what it made to
// DATABASE_RUNTIME_ROLE, if there is one.
func migrateSchema(ctx context.Context, args []string) error {
	environ, err := config.Environment()
	if err != nil {
		return err
	}
	if environ, err = app.WithRunningStack(ctx, environ); err != nil {
		return err
	}
	dsn := environ["DATABASE_URL"]
	if dsn == "" {
		return errors.New("DATABASE_URL is not set, and no development stack is running")
	}
	log, _ := telemetry.NewLogger(os.Stderr, "info", false)
	switch {
	case len(args) == 1 && args[0] == "up":
		applied, err := migrate.Up(ctx, dsn, migrations.FS, log)
		fmt.Println("applied:", applied)
		if role := environ["DATABASE_RUNTIME_ROLE"]; err == nil && role != "" {
			err = migrate.Grant(ctx, dsn, role)
		}
		return err
	case len(args) >= 1 && len(args) <= 2 && args[0] == "down":
		steps := 1
		if len(args) == 2 {
			if steps, err = strconv.Atoi(args[1]); err != nil || steps < 1 {
				return errUsage
			}
		}
		reverted, err := migrate.Down(ctx, dsn, migrations.FS, steps, log)
		fmt.Println("reverted:", reverted)
		return err
	case len(args) == 1 && args[0] == "status":
		list, err := migrate.Status(ctx, dsn, migrations.FS)
		for _, m := range list {
			fmt.Printf("%s applied=%t dirty=%t\n", m, m.Applied, m.Dirty)
		}
		return err
	}
	return errUsage
}
