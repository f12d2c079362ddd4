package main

import (
	"context"
	"errors"
	"fmt"
)

// verify fails when it finds a violation, so that scripts need not read what it prints.
func verify(ctx context.Context, args []string) (err error) {
	if len(args) > 0 {
		return errUsage
	}
	opened, _, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	report, err := opened.Ledger().CheckAll(ctx)
	if err != nil {
		return err
	}
	for _, violation := range report.Violations {
		fmt.Println(violation)
	}
	if len(report.Violations) > 0 {
		return fmt.Errorf("%d of the books' promises are broken", len(report.Violations))
	}
	fmt.Printf("All is well: %d jobs, %d assets.\n", report.Jobs, report.Assets)
	return nil
}
