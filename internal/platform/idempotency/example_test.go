package idempotency_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// A client that got no answer sends its request again. The credits are granted once, and the repeat gets the first answer.
func ExampleOnce() {
	ctx := context.Background()
	store, user, done := exampleAccount()
	defer done()

	grant := func(body string, amount int64) {
		key := idempotency.Key{Operation: "grantCredits", Value: "4f1d", Hash: sha256.Sum256([]byte(body))}
		balance, replayed, err := idempotency.Once(ctx, store, user, key, time.Now(), func(q *db.Queries) (int64, error) {
			return credits.Give(ctx, q, credits.Grant{ID: factory.ID(), UserID: user, Amount: amount, Reason: credits.Granted})
		})
		if errors.Is(err, idempotency.ErrConflict) {
			fmt.Println("refused: the key belongs to another request")
			return
		}
		fmt.Println("balance:", balance, "replayed:", replayed, "error:", err)
	}
	grant(`{"amount":5}`, 5)
	grant(`{"amount":5}`, 5)
	grant(`{"amount":500}`, 500)
	// Output:
	// balance: 5 replayed: false error: <nil>
	// balance: 5 replayed: true error: <nil>
	// refused: the key belongs to another request
}
