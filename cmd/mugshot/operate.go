package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"

	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// setUpStorage is safe to repeat.
func setUpStorage(ctx context.Context, args []string) (err error) {
	if !slices.Equal(args, []string{"setup"}) {
		return errUsage
	}
	opened, _, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	return opened.Objects().EnsureBuckets(ctx, storage.Buckets())
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
