package credits_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/test/kit/exampletest"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// An operator grants credits by address. Each grant is a row of the ledger, whose balance is that of the account from then on.
func Example() {
	ctx, t := context.Background(), exampletest.New()
	defer t.Done()
	store := factory.Store(t)
	user := factory.User(t, store, 0)
	service := credits.NewService(store, factory.ID)

	for _, amount := range []int64{10, 5} {
		balance, err := service.GiveByEmail(ctx, user.Email, amount)
		fmt.Println("granted:", amount, "balance:", balance, "error:", err)
	}
	_, err := service.GiveByEmail(ctx, "unknown@example.com", 5)
	fmt.Println("unknown address:", errors.Is(err, credits.ErrNoAccount))

	const newest = 1 << 62 // the cursor of the first page
	ledger, err := service.List(ctx, user.ID, newest, 10)
	fmt.Println("balance:", ledger.Balance, "error:", err)
	for _, entry := range ledger.Entries {
		fmt.Printf("%s %+d = %d\n", entry.Action, entry.DeltaCredits, entry.BalanceAfter)
	}
	// Output:
	// granted: 10 balance: 10 error: <nil>
	// granted: 5 balance: 15 error: <nil>
	// unknown address: true
	// balance: 15 error: <nil>
	// grant +5 = 15
	// grant +10 = 10
}
