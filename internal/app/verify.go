package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

const (
	verifyPage  = 500 // rows that are read at once
	verifyHeads = 8   // objects that are asked for at once
)

// Books is what Verify looked at, and what it found wrong.
type Books struct {
	Jobs, Assets int      // how many there are
	Wrong        []string // one sentence each
}

// Verify looks at what has to be true of the database and the storage at any time: the sum of each ledger is its
// account's balance, each job was charged once and refunded unless it succeeded or goes on, and each asset has its
// object. It changes nothing. An error says that it could not look.
func (a *App) Verify(ctx context.Context) (Books, error) {
	var books Books
	imbalances, err := a.store.Queries().CreditImbalances(ctx)
	if err != nil {
		return books, fmt.Errorf("compare balances and ledgers: %w", err)
	}
	for _, i := range imbalances {
		books.Wrong = append(books.Wrong, fmt.Sprintf("account %s has %d credits, and a ledger of %d", i.ID, i.Credits, i.Ledger))
	}
	return books, errors.Join(a.verifyJobs(ctx, &books), a.verifyAssets(ctx, &books))
}

func (a *App) verifyJobs(ctx context.Context, books *Books) error {
	for after := uuid.Nil; ; {
		page, err := a.store.Queries().BooksJobPage(ctx, db.BooksJobPageParams{After: after, PageSize: verifyPage})
		if err != nil {
			return fmt.Errorf("compare jobs and ledgers: %w", err)
		}
		for _, job := range page {
			if !job.Balanced {
				books.Wrong = append(books.Wrong, fmt.Sprintf("job %s was not charged once, or not refunded as its end asks for", job.ID))
			}
		}
		books.Jobs += len(page)
		if len(page) < verifyPage {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

func (a *App) verifyAssets(ctx context.Context, books *Books) error {
	for after := uuid.Nil; ; {
		page, err := a.store.Queries().BooksAssetPage(ctx, db.BooksAssetPageParams{After: after, PageSize: verifyPage})
		if err != nil {
			return fmt.Errorf("list assets: %w", err)
		}
		found := make([]string, len(page))
		group, heading := errgroup.WithContext(ctx)
		group.SetLimit(verifyHeads)
		for i, asset := range page {
			group.Go(func() (err error) {
				found[i], err = a.verifyObject(heading, asset)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return fmt.Errorf("look for objects: %w", err)
		}
		for _, wrong := range found {
			if wrong != "" {
				books.Wrong = append(books.Wrong, wrong)
			}
		}
		books.Assets += len(page)
		if len(page) < verifyPage {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

// verifyObject returns what is wrong with an asset's object, or nothing.
func (a *App) verifyObject(ctx context.Context, asset db.BooksAssetPageRow) (string, error) {
	info, err := a.objects.Head(ctx, storage.Object{Bucket: asset.Bucket, Path: asset.StoragePath})
	switch {
	case errors.Is(err, storage.ErrMissing):
		return fmt.Sprintf("asset %s has no object in %s", asset.ID, asset.Bucket), nil
	case err != nil:
		return "", err
	case info.Size != asset.SizeBytes:
		return fmt.Sprintf("asset %s has an object of %d bytes instead of %d", asset.ID, info.Size, asset.SizeBytes), nil
	default:
		return "", nil
	}
}
