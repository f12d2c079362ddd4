package credits

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
)

// BonusClaims remembers which addresses have had the sign-up bonus, also after their accounts are gone. What it stores is a
// keyed hash of an address, which tells nothing without the key. It is safe for concurrent use.
type BonusClaims struct {
	keys [][]byte
}

// NewBonusClaims returns claims that are written under the first key and found under each.
func NewBonusClaims(keys [][]byte) *BonusClaims { return &BonusClaims{keys: keys} }

// Take claims the bonus for an address, in the transaction that gives it. first is false where the address has had it before.
func (c *BonusClaims) Take(ctx context.Context, q *db.Queries, address string) (first bool, err error) {
	hashes := c.hashes(address)
	first, err = q.BonusClaimTake(ctx, db.BonusClaimTakeParams{Hashes: hashes, NewestHash: hashes[0]})
	if err != nil {
		return false, fmt.Errorf("claim bonus: %w", err)
	}
	return first, nil
}

// Keep makes sure that there is a claim under the newest key when an account with a bonus goes, in the transaction that
// removes it: its claim may be missing, since it is older than claims are, or under a key that will be taken out.
func (c *BonusClaims) Keep(ctx context.Context, q *db.Queries, userID uuid.UUID, address string) error {
	err := q.BonusClaimKeep(ctx, db.BonusClaimKeepParams{UserID: &userID, NewestHash: c.hashes(address)[0]})
	if err != nil {
		return fmt.Errorf("keep claim of bonus: %w", err)
	}
	return nil
}

// hashes returns the hash of an address under each key. Addresses are one if they differ in case only, as users_email_key
// compares them.
func (c *BonusClaims) hashes(address string) [][]byte {
	all := make([][]byte, len(c.keys))
	for i, key := range c.keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(strings.ToLower(strings.TrimSpace(address))))
		all[i] = mac.Sum(nil)
	}
	return all
}
