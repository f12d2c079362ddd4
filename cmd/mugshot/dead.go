package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/ops/backlog"
)

// dead lists what was given up, or deals with some of it.
func dead(ctx context.Context, action string, args []string) (err error) {
	flags := flag.NewFlagSet("worker dead", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	limit := flags.Int("limit", 50, "")
	known := slices.Contains([]string{"list", "retry", "drop"}, action)
	if !known || flags.Parse(args) != nil || *limit < 1 || (action == "list") != (flags.NArg() == 0) {
		return errUsage
	}
	opened, _, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	if action == "list" {
		list, err := opened.Backlog().List(ctx, *limit)
		return errors.Join(err, backlog.Write(os.Stdout, list))
	}
	var failed []error
	for _, arg := range flags.Args() {
		done, err := deal(ctx, opened.Backlog(), action, arg)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", arg, err))
			continue
		}
		fmt.Println(arg, done)
	}
	return errors.Join(failed...)
}

func deal(ctx context.Context, b *backlog.Service, action, arg string) (done string, err error) {
	id, err := uuid.Parse(arg)
	if err != nil {
		return "", err
	}
	if action == "drop" {
		return "dropped", b.Drop(ctx, id)
	}
	runs, err := b.Retry(ctx, id)
	return "runs again as " + runs.String(), err
}
