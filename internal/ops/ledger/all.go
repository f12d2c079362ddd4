package ledger

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
	pageSize      = 500 // rows that are read at once
	parallelHeads = 8   // objects that are asked for at once
)

// Report is what [Checker.CheckAll] looked at, and what it found.
type Report struct {
	Jobs, Assets int      // how many there are
	Violations   []string // one sentence each
}

// CheckAll compares all balances, jobs and ready assets with the ledger and the storage. An error says that it could not
// look; what it had found by then is in the report.
func (c *Checker) CheckAll(ctx context.Context) (Report, error) {
	var report Report
	imbalances, err := c.store.Queries().CreditImbalances(ctx)
	if err != nil {
		return report, fmt.Errorf("compare balances and ledgers: %w", err)
	}
	for _, i := range imbalances {
		report.Violations = append(report.Violations, fmt.Sprintf("account %s has %d credits, and a ledger of %d", i.ID, i.Credits, i.Ledger))
	}
	return report, errors.Join(c.checkJobs(ctx, &report), c.checkAssets(ctx, &report))
}

func (c *Checker) checkJobs(ctx context.Context, report *Report) error {
	for after := uuid.Nil; ; {
		page, err := c.store.Queries().LedgerJobPage(ctx, db.LedgerJobPageParams{After: after, PageSize: pageSize})
		if err != nil {
			return fmt.Errorf("compare jobs and ledgers: %w", err)
		}
		for _, job := range page {
			if !job.Balanced {
				report.Violations = append(report.Violations, fmt.Sprintf("job %s was not charged once, or not refunded as its end asks for", job.ID))
			}
		}
		report.Jobs += len(page)
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

func (c *Checker) checkAssets(ctx context.Context, report *Report) error {
	for after := uuid.Nil; ; {
		page, err := c.store.Queries().LedgerAssetPage(ctx, db.LedgerAssetPageParams{After: after, PageSize: pageSize})
		if err != nil {
			return fmt.Errorf("list assets: %w", err)
		}
		violations := make([]string, len(page))
		group, groupCtx := errgroup.WithContext(ctx)
		group.SetLimit(parallelHeads)
		for i, asset := range page {
			group.Go(func() (err error) {
				violations[i], err = c.checkObject(groupCtx, asset)
				return err
			})
		}
		if err := group.Wait(); err != nil {
			return fmt.Errorf("look for objects: %w", err)
		}
		for _, violation := range violations {
			if violation != "" {
				report.Violations = append(report.Violations, violation)
			}
		}
		report.Assets += len(page)
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1].ID
	}
}

// checkObject returns what is wrong with an asset's object, or "".
func (c *Checker) checkObject(ctx context.Context, asset db.LedgerAssetPageRow) (violation string, err error) {
	info, err := c.objects.Head(ctx, storage.Object{Bucket: asset.Bucket, Path: asset.StoragePath})
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
