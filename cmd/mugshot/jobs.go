package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/internal/jobs"
)

// explainJob prints where a job stands and why it waits.
func explainJob(ctx context.Context, args []string) (err error) {
	if len(args) != 2 || args[0] != "explain" {
		return errUsage
	}
	id, err := uuid.Parse(args[1])
	if err != nil {
		return fmt.Errorf("%q is not the id of a job: %w", args[1], err)
	}
	opened, _, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	explanation, err := opened.JobExplainer().Explain(ctx, id)
	switch {
	case errors.Is(err, jobs.ErrNotFound):
		return fmt.Errorf("there is no job %s", id)
	case err != nil:
		return err
	}
	return explanation.Write(os.Stdout)
}
