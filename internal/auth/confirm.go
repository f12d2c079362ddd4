package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// The limits of a confirmation code.
const (
	codeLifetime = 10 * time.Minute
	codeTries    = 5
	codePurpose  = "confirm_email"
)

// Confirmation is a code as it was entered.
type Confirmation struct {
	Email string
	Code  string
	// Account is the account that the client has signed up for; nil: it doesn't know. Another sign-up may have taken the
	// place of that one: then its code must not confirm an account with the password of a stranger.
	Account *uuid.UUID
}

// Confirm takes the code that was mailed to an address and gives the sign-up bonus, once. The right code may come twice, as from
// a double click: the address is confirmed, and the client is told so again. It fails with ErrInvalidCode for whatever is wrong,
// an unknown address included.
func (s *Service) Confirm(ctx context.Context, in Confirmation, client Client) error {
	user, found, err := s.byEmail(ctx, in.Email)
	if err != nil {
		return err
	}
	if !found || in.Account != nil && *in.Account != user.ID {
		return s.refuseCode(ctx, nil, client)
	}
	// The try counts before the code is looked at, in a statement of its own: nothing that follows can take it back.
	tried, err := s.store.Queries().EmailCodeTry(ctx, db.EmailCodeTryParams{
		UserID: user.ID, Purpose: codePurpose, Now: s.now(), MaxAttempts: codeTries,
	})
	if err != nil && !postgres.IsNotFound(err) {
		return fmt.Errorf("count try of code: %w", err)
	}
	if err != nil || !s.codes.Match(tried.CodeHash, user.ID, codePurpose, token.Typed(in.Code)) {
		return s.refuseCode(ctx, &user.ID, client)
	}
	if tried.Used {
		return nil
	}
	var bonus int64
	err = s.store.InTx(ctx, func(q *db.Queries) (err error) {
		bonus, err = s.confirm(ctx, q, user.ID, tried.CodeHash, client)
		return err
	})
	if err == nil {
		s.observeBonus(bonus)
	}
	return err
}

// observeBonus reports a sign-up bonus whose transaction is committed.
func (s *Service) observeBonus(bonus int64) {
	if bonus > 0 {
		s.onBalanceChange.Observe(credits.SignupBonus, bonus)
	}
}

func (s *Service) refuseCode(ctx context.Context, userID *uuid.UUID, client Client) error {
	if err := s.record(ctx, s.store.Queries(), userID, client, audit.EmailCodeRefused, nil); err != nil {
		return err
	}
	return ErrInvalidCode
}

// confirm uses a code that matched, and returns the bonus that it gave.
func (s *Service) confirm(
	ctx context.Context, q *db.Queries, userID uuid.UUID, hash []byte, client Client,
) (bonus int64, err error) {
	// The account comes first, as in a sign-up that takes its place: the transaction that has its row has its codes.
	first, bonus, err := s.confirmAddress(ctx, q, userID, client)
	if err != nil {
		return 0, err
	}
	used, err := q.EmailCodeUse(ctx, db.EmailCodeUseParams{
		Now: s.now(), UserID: userID, Purpose: codePurpose, CodeHash: hash,
	})
	switch {
	case err != nil:
		return 0, fmt.Errorf("use code: %w", err)
	case used > 0:
		return bonus, nil
	case first: // a newer code has taken its place
		return 0, ErrInvalidCode
	}
	// Another request has used the code, unless the account is gone.
	_, err = q.UserGet(ctx, userID)
	switch {
	case postgres.IsNotFound(err):
		return 0, ErrInvalidCode
	case err != nil:
		return 0, fmt.Errorf("read account: %w", err)
	}
	return 0, nil
}

// confirmAddress marks the address of an account as confirmed, and gives the sign-up bonus, unless both were done before. It
// reports whether it was the first to do so, and returns the bonus.
func (s *Service) confirmAddress(
	ctx context.Context, q *db.Queries, userID uuid.UUID, client Client,
) (first bool, bonus int64, err error) {
	confirmed, err := q.UserConfirmEmail(ctx, db.UserConfirmEmailParams{ID: userID, Now: s.now()})
	switch {
	case err != nil:
		return false, 0, fmt.Errorf("confirm address: %w", err)
	case confirmed == 0:
		return false, 0, nil
	}
	if bonus, err = s.giveBonus(ctx, q, userID); err != nil {
		return false, 0, err
	}
	return true, bonus, s.record(ctx, q, &userID, client, audit.EmailConfirmed, nil)
}

// ResendConfirmation enqueues another code for an address that is not confirmed yet. An unknown or a confirmed address takes the
// same work.
func (s *Service) ResendConfirmation(ctx context.Context, email string, client Client) error {
	return s.enqueueByEmail(ctx, email, mail.KindConfirmEmail, client, audit.ConfirmationResent)
}

// enqueueByEmail enqueues a mail for the account with an address, unless one went there a moment ago: a stranger who asks all
// the time must not fill a mailbox, and the owner has the mail that the stranger has asked for. Otherwise it writes a row for
// no account, at the same cost.
func (s *Service) enqueueByEmail(
	ctx context.Context, email string, kind mail.Kind, client Client, action audit.Action,
) error {
	mailID, origin := s.newID(), tracecontext.From(ctx)
	email = spelled(email)
	err := s.store.InTx(ctx, func(q *db.Queries) error {
		if err := q.AddressLock(ctx, email); err != nil {
			return fmt.Errorf("wait for other requests: %w", err)
		}
		userID, err := q.MailEnqueueByEmail(ctx, db.MailEnqueueByEmailParams{
			ID: mailID, Email: email, Kind: string(kind), RequestID: origin.RequestID,
			Traceparent: origin.Traceparent,
		})
		if err != nil {
			return fmt.Errorf("promise mail: %w", err)
		}
		return s.record(ctx, q, userID, client, action, nil)
	})
	if err != nil {
		return err
	}
	s.announce(ctx, mailID)
	return nil
}
