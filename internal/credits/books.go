package credits

import (
	"context"
	"fmt"
)

// newest is how many jobs, the newest ones, Broken looks at.
const newest = 1000

// Broken is how much of the books does not add up: nothing, ever.
type Broken struct {
	Jobs     int64 // that were not charged once, or not refunded as their end asks for
	Accounts int64 // whose balance is not what their ledger says
}

// Broken looks at the newest jobs and their owners. It costs the same however many there are; that all of the books
// add up, only `mugshot verify` can say.
func (s *Service) Broken(ctx context.Context) (Broken, error) {
	found, err := s.store.Queries().BooksBroken(ctx, newest)
	if err != nil {
		return Broken{}, fmt.Errorf("look at the books: %w", err)
	}
	return Broken{Jobs: found.Jobs, Accounts: found.Accounts}, nil
}
