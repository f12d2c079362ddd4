// Package ledger checks that accounts, jobs and pictures add up. These hold at any time, whatever workers, operators and
// failures do:
//
//   - an account's balance is the sum of its entries in the ledger (audit_logs, in credits);
//   - a job was charged its price once, and refunded once what its end gives back, if that is anything;
//   - a ready asset has its object in the storage, of the size that its row says.
//
// [Checker.CheckNewest] looks at the newest jobs and costs the same however many there are: the sweeper runs it each
// minute, and [Collector] exports what it found. [Checker.CheckAll] reads everything, for `mugshot verify`. Neither
// changes anything.
package ledger

import (
	"context"
	"fmt"

	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// newestJobs is how many jobs, the newest ones, CheckNewest looks at.
const newestJobs = 1000

// Checker compares rows with each other, and with the storage.
type Checker struct {
	store   *postgres.Store
	objects storage.Store
}

// New returns a Checker of a database and the storage that belongs to it.
func New(store *postgres.Store, objects storage.Store) *Checker {
	return &Checker{store: store, objects: objects}
}

// Violations counts what does not add up: zero, unless there is a defect.
type Violations struct {
	Jobs     int64 // that were not charged once, or not refunded as their end asks for
	Accounts int64 // whose balance is not what their ledger says
}

// CheckNewest looks at the newest jobs and their owners. It does not see everything; [Checker.CheckAll] does.
func (c *Checker) CheckNewest(ctx context.Context) (Violations, error) {
	found, err := c.store.Queries().LedgerViolations(ctx, newestJobs)
	if err != nil {
		return Violations{}, fmt.Errorf("check the newest jobs against the ledger: %w", err)
	}
	return Violations{Jobs: found.Jobs, Accounts: found.Accounts}, nil
}
