package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// What is locked, as audit entries have it.
const (
	lockedAccount = "account"
	lockedAddress = "address"
)

// guess is one attempt at something that only the owner of an account knows.
type guess struct {
	*ratelimit.Attempt
	account ratelimit.Subject // what is guessed at
	email   string
	client  Client
}

// begin reserves an attempt at a secret of the account with an address, before anything costly is done. It fails with
// ratelimit.ErrLocked and ratelimit.ErrAddressLocked. The caller releases the guess.
func (s *Service) begin(ctx context.Context, account ratelimit.Subject, email string, client Client) (guess, error) {
	attempt, err := s.lockout.Begin(ctx, account, ratelimit.Address(client.IP))
	if errors.Is(err, ratelimit.ErrLocked) || errors.Is(err, ratelimit.ErrAddressLocked) {
		return guess{}, s.turnAway(ctx, email, client, err)
	}
	return guess{Attempt: attempt, account: account, email: email, client: client}, err
}

// turnAway records an attempt at a locked account or address in the audit log, and returns locked.
func (s *Service) turnAway(ctx context.Context, email string, client Client, locked error) error {
	user, found, err := s.byEmail(ctx, email)
	if err != nil {
		return err
	}
	what := lockedAccount
	if errors.Is(locked, ratelimit.ErrAddressLocked) {
		what = lockedAddress
	}
	err = s.record(ctx, s.store.Queries(), owner(user, found), client, audit.LockedAttempt, map[string]any{"locked": what})
	if err != nil {
		return err
	}
	return locked
}

// release gives back an attempt that was neither right nor wrong. It does nothing for one that was settled.
func (s *Service) release(ctx context.Context, g guess) {
	if err := g.Release(ctx); err != nil {
		s.log.WarnContext(ctx, "attempt is left to lapse", "error", err)
	}
}

// refuse counts a wrong guess and records it, both committed, before it returns refusal.
func (s *Service) refuse(ctx context.Context, g guess, userID *uuid.UUID, action audit.Action, refusal error) error {
	locks, err := g.Fail(ctx)
	if err != nil {
		return err
	}
	mailID, promised := s.newID(), false
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		if err := s.record(ctx, q, userID, g.client, action, nil); err != nil {
			return err
		}
		promised, err = s.recordLocks(ctx, q, userID, g, locks, mailID)
		return err
	})
	if err != nil {
		return err
	}
	if promised {
		s.announce(ctx, mailID)
	}
	return refusal
}

// recordLocks records what a wrong guess has locked, and enqueues a mail to the owner where the guess was at the password.
func (s *Service) recordLocks(
	ctx context.Context, q *db.Queries, userID *uuid.UUID, g guess, locks []ratelimit.Lock, mailID uuid.UUID,
) (promised bool, err error) {
	for _, lock := range locks {
		what := lockedAddress
		if lock.Subject == g.account {
			what = lockedAccount
		}
		err := s.record(ctx, q, userID, g.client, audit.AccountLocked,
			map[string]any{"locked": what, "seconds": int(lock.For.Seconds())})
		if err != nil {
			return false, err
		}
		if lock.Subject == ratelimit.Account(g.email) {
			if promised, err = promiseLockMail(ctx, q, mailID, g.email, lock.For); err != nil {
				return false, err
			}
		}
	}
	return promised, nil
}

// lockFacts is what a mail about a lock says.
type lockFacts struct {
	Seconds float64 `json:"seconds"`
}

func promiseLockMail(
	ctx context.Context, q *db.Queries, mailID uuid.UUID, email string, lasts time.Duration,
) (promised bool, err error) {
	facts, err := json.Marshal(lockFacts{Seconds: lasts.Seconds()})
	if err != nil {
		return false, fmt.Errorf("encode lock: %w", err)
	}
	origin := tracecontext.From(ctx)
	n, err := q.MailEnqueueLocked(ctx, db.MailEnqueueLockedParams{
		ID: mailID, Facts: facts, Email: email, RequestID: origin.RequestID, Traceparent: origin.Traceparent,
	})
	if err != nil {
		return false, fmt.Errorf("promise mail: %w", err)
	}
	return n > 0, nil
}
