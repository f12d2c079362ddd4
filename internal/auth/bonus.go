package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/credits"
)

// giveBonus gives an account the sign-up bonus, unless its address has had one before, and returns it. The caller has just
// confirmed the address in the same transaction.
func (s *Service) giveBonus(ctx context.Context, q *db.Queries, userID uuid.UUID) (bonus int64, err error) {
	if s.cfg.SignupBonus <= 0 {
		return 0, nil
	}
	user, err := q.UserGet(ctx, userID)
	if err != nil {
		return 0, fmt.Errorf("read account: %w", err)
	}
	first, err := s.bonusClaims.Take(ctx, q, user.Email)
	if err != nil || !first {
		return 0, err
	}
	_, err = credits.Give(ctx, q, credits.Grant{
		ID: s.newID(), UserID: userID, Amount: s.cfg.SignupBonus, Reason: credits.SignupBonus,
	})
	return s.cfg.SignupBonus, err
}

// KeepBonusClaim lets what the address of an account has had of the sign-up bonus outlive the account, in the transaction that
// removes it.
func (s *Service) KeepBonusClaim(ctx context.Context, q *db.Queries, user db.User) error {
	return s.bonusClaims.Keep(ctx, q, user.ID, user.Email)
}
