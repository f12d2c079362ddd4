// Package credits keeps balances and their ledger. The unit is one credit, a whole number.
//
// The ledger is the rows of audit_logs that have a balance_after. Invariants, of which the schema or a statement holds each:
//
//   - The balance of an account is the sum of its ledger at every moment: a balance and its ledger row change in one statement.
//   - No balance is negative (users_credits_not_negative).
//   - A job is charged once and refunded at most once (audit_logs_job_action_key, unique on job and action).
//   - The amounts of a ledger row never change, and it outlives the job and the account that it is about; seq is its order.
//
// This package writes grants. Charges and refunds are written by the statements of sql/jobs.sql that queue and end a job, so
// that no crash can come between a job and its credits. Package ledger checks that all of it adds up.
package credits

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/mailaddress"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// The reasons why a balance changes, as the ledger's action. Charges and refunds of jobs are written by the statements that
// queue and end the job; see sql/jobs.sql.
const (
	SignupBonus = "signup_bonus"
	Granted     = "grant"
	JobCharge   = "job_charge"
	JobRefund   = "job_refund"
)

// MaxGrant is the most credits that one grant may add, so that a slip of the finger stays repairable.
const MaxGrant = 1_000_000

// ErrNoAccount says that there is no account with the id or the address of a grant.
var ErrNoAccount = apperr.New(apperr.NotFound, apperr.CodeNotFound, "There is no such account.")

// Grant is credits for an account.
type Grant struct {
	ID     uuid.UUID // of the ledger row
	UserID uuid.UUID
	Amount int64          // 1 to MaxGrant
	Reason string         // SignupBonus or Granted
	Meta   map[string]any // for operators; nil: nothing
}

// Give adds a grant in the caller's transaction and returns the new balance. It fails with ErrNoAccount.
func Give(ctx context.Context, q *db.Queries, g Grant) (balance int64, err error) {
	if g.Amount < 1 || g.Amount > MaxGrant {
		return 0, apperr.Validation(apperr.Body("amount", "range", fmt.Sprintf("Grant between 1 and %d credits.", MaxGrant)))
	}
	meta, err := json.Marshal(g.Meta)
	if err != nil {
		return 0, fmt.Errorf("encode grant: %w", err)
	}
	if g.Meta == nil {
		meta = json.RawMessage("{}")
	}
	after, err := q.CreditGrant(ctx, db.CreditGrantParams{
		ID: g.ID, UserID: g.UserID, Delta: g.Amount, Action: g.Reason, Meta: meta,
	})
	switch {
	case postgres.IsNotFound(err):
		return 0, ErrNoAccount
	case err != nil:
		return 0, fmt.Errorf("grant credits: %w", err)
	}
	return *after, nil
}

// Service reads ledgers, and grants on behalf of operators.
type Service struct {
	store *postgres.Store
	newID func() uuid.UUID
}

// NewService returns a service; newID makes ids of ledger rows.
func NewService(s *postgres.Store, newID func() uuid.UUID) *Service {
	return &Service{store: s, newID: newID}
}

// GiveByEmail grants credits to the account with an address. It fails with ErrNoAccount.
func (s *Service) GiveByEmail(ctx context.Context, email string, amount int64) (balance int64, err error) {
	if address, err := mailaddress.Normalize(email); err == nil {
		email = address
	}
	user, err := s.store.Queries().UserByEmail(ctx, email)
	switch {
	case postgres.IsNotFound(err):
		return 0, ErrNoAccount
	case err != nil:
		return 0, fmt.Errorf("find account: %w", err)
	}
	return Give(ctx, s.store.Queries(), Grant{ID: s.newID(), UserID: user.ID, Amount: amount, Reason: Granted})
}

// Ledger is a balance and a page of what led to it.
type Ledger struct {
	Balance int64
	Entries []db.CreditEntryListRow // newest first
}

// List reads an account's balance and at most limit ledger rows whose seq is below before.
func (s *Service) List(ctx context.Context, userID uuid.UUID, before int64, limit int) (Ledger, error) {
	user, err := s.store.Queries().UserGet(ctx, userID)
	switch {
	case postgres.IsNotFound(err):
		return Ledger{}, ErrNoAccount
	case err != nil:
		return Ledger{}, fmt.Errorf("read balance: %w", err)
	}
	entries, err := s.store.Queries().CreditEntryList(ctx, db.CreditEntryListParams{
		UserID: &userID, BeforeSeq: before, PageSize: int32(limit),
	})
	if err != nil {
		return Ledger{}, fmt.Errorf("read ledger: %w", err)
	}
	return Ledger{Balance: user.Credits, Entries: entries}, nil
}
