package main

import (
	"context"
	"errors"
	"fmt"
)

// verifyBooks fails when it finds something wrong, so that scripts need not read what it prints.
func verifyBooks(ctx context.Context, args []string) (err error) {
	if len(args) > 0 {
		return errUsage
	}
	opened, _, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	books, err := opened.Verify(ctx)
	if err != nil {
		return err
	}
	for _, wrong := range books.Wrong {
		fmt.Println(wrong)
	}
	if len(books.Wrong) > 0 {
		return fmt.Errorf("%d of the books' promises are broken", len(books.Wrong))
	}
	fmt.Printf("All is well: %d jobs, %d assets.\n", books.Jobs, books.Assets)
	return nil
}
