package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// storageCommand makes the buckets, binds them, or looks for orphans. Each is safe to repeat.
func storageCommand(ctx context.Context, args []string) (err error) {
	remove := slices.Equal(args, []string{"orphans", "--remove"})
	if len(args) != 1 && !remove || !slices.Contains([]string{"setup", "bind", "orphans"}, args[0]) {
		return errUsage
	}
	opened, _, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	switch args[0] {
	case "setup":
		return opened.Objects().EnsureBuckets(ctx, storage.Buckets())
	case "bind":
		from, err := opened.Assets().Bind(ctx)
		if err != nil {
			return err
		}
		fmt.Printf("The buckets are bound to this database. Objects without a row are removed from %s on.\n", from.UTC().Format(time.RFC3339))
		return nil
	}
	now, err := opened.Store().Queries().DatabaseNow(ctx)
	if err != nil {
		return err
	}
	found, err := opened.Assets().Orphans(ctx, now, remove)
	if err != nil {
		return err
	}
	for _, bucket := range slices.Sorted(maps.Keys(found)) {
		fmt.Printf("%s: %d objects without a row\n", bucket, found[bucket])
	}
	return nil
}

func grantCredits(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("credits grant", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	email := flags.String("email", "", "")
	amount := flags.Int64("amount", 0, "")
	if len(args) == 0 || args[0] != "grant" || flags.Parse(args[1:]) != nil || *email == "" || *amount == 0 || flags.NArg() > 0 {
		return errUsage
	}
	opened, _, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	balance, err := opened.Credits().GiveByEmail(ctx, *email, *amount)
	if err != nil {
		return fmt.Errorf("grant credits to %s: %w", *email, err)
	}
	fmt.Printf("%s has %d credits.\n", *email, balance)
	return nil
}

// resetSecondFactor tells the owner by mail, which the worker sends.
func resetSecondFactor(ctx context.Context, args []string) (err error) {
	if len(args) != 2 || args[0] != "reset-2fa" || args[1] == "" {
		return errUsage
	}
	opened, _, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if err := opened.Auth().ResetSecondFactor(ctx, args[1]); err != nil {
		return fmt.Errorf("reset the second factor of %s: %w", args[1], err)
	}
	fmt.Printf("%s signs in with the password alone from now on. Its sessions are over, and a mail tells its owner.\n", args[1])
	return nil
}
