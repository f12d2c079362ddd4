package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

// Proof is one of two ways to show that one has the second factor.
type Proof struct {
	Code         string // six digits from the app
	RecoveryCode string // one of those that EnableSecondFactor gave
}

// check returns a validation error unless exactly one of them is there.
func (p Proof) check() error {
	if (p.Code == "") == (p.RecoveryCode == "") {
		return apperr.Validation(apperr.Body("code", "one_of", "Send either code or recovery_code."))
	}
	return nil
}

// DisableSecondFactor forgets the second factor, given the password and a proof. It fails with ErrInvalidCredentials,
// ErrInvalidCode and ratelimit.ErrLocked.
func (s *Service) DisableSecondFactor(
	ctx context.Context, p Principal, plain string, proof Proof, client Client,
) error {
	if err := proof.check(); err != nil {
		return err
	}
	user, err := s.ConfirmPassword(ctx, p.UserID, plain, client)
	if err != nil {
		return err
	}
	mailID := s.newID()
	err = s.guessFactor(ctx, user, proof, client, func(q *db.Queries) error {
		if err := s.dropFactor(ctx, q, user); err != nil {
			return err
		}
		facts := factorFacts{Change: mail.FactorDisabled, Origin: client.origin()}
		if err := enqueue(ctx, q, mailID, user.ID, mail.KindSecondFactor, facts); err != nil {
			return err
		}
		return s.record(ctx, q, &user.ID, client, audit.SecondFactorDisabled, nil)
	})
	if err != nil {
		return err
	}
	s.announce(ctx, mailID)
	return nil
}

// ResetSecondFactor takes the second factor and its recovery codes off the account with an address, for an operator whom the
// owner has convinced of being the owner. It ends all sessions. It fails with [ErrNoAccount] and [ErrNoSecondFactor].
func (s *Service) ResetSecondFactor(ctx context.Context, email string) error {
	user, found, err := s.byEmail(ctx, email)
	switch {
	case err != nil:
		return err
	case !found:
		return ErrNoAccount
	case user.SecondFactorEnabledAt == nil:
		return ErrNoSecondFactor
	}
	mailID := s.newID()
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		if err := s.dropFactor(ctx, q, user); err != nil {
			return err
		}
		ended, err := q.SessionRevokeOthers(ctx, db.SessionRevokeOthersParams{
			UserID: user.ID, KeepID: uuid.Nil, Reason: endRevoked, Now: s.now(),
		})
		if err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
		if err := enqueue(ctx, q, mailID, user.ID, mail.KindSecondFactor, factorFacts{Change: mail.FactorReset}); err != nil {
			return err
		}
		return s.record(ctx, q, &user.ID, Client{}, audit.SecondFactorReset, map[string]any{"sessions_ended": ended})
	})
	if err != nil {
		return err
	}
	s.onSessionsEnd(ctx, user.ID)
	s.announce(ctx, mailID)
	return nil
}

// dropFactor forgets the factor of an account, with one that is being set up, and the recovery codes.
func (s *Service) dropFactor(ctx context.Context, q *db.Queries, user db.User) error {
	if err := s.recordFactor(ctx, q, user, nil, nil); err != nil {
		return err
	}
	if err := q.SecondFactorDropAll(ctx, user.ID); err != nil {
		return fmt.Errorf("drop second factor: %w", err)
	}
	return nil
}

// factorFacts is what a mail about a second factor says.
type factorFacts struct {
	mail.Origin

	Change mail.FactorChange `json:"change"`
}

// recordFactor sets the account's flag and its recovery codes for a factor that is enabled or disabled in the same
// transaction. It comes first there: the account's row orders all that changes its factor.
func (s *Service) recordFactor(
	ctx context.Context, q *db.Queries, user db.User, enabledAt *time.Time, recoveryHashes [][]byte,
) error {
	n, err := q.UserSetSecondFactor(ctx, db.UserSetSecondFactorParams{
		ID: user.ID, CredentialsVersion: user.CredentialsVersion, EnabledAt: enabledAt, Now: s.now(),
	})
	switch {
	case err != nil:
		return fmt.Errorf("record second factor: %w", err)
	case n == 0: // the credentials have changed since they were read
		return ErrInvalidCode
	}
	err = q.RecoveryCodeReplace(ctx, db.RecoveryCodeReplaceParams{UserID: user.ID, CodeHashes: recoveryHashes})
	if err != nil {
		return fmt.Errorf("replace recovery codes: %w", err)
	}
	return nil
}

// guessFactor runs then in the transaction that spends a proof. Wrong ones count against the account and lock it, apart
// from wrong passwords: a client that gets here has given the right one. It fails with ErrInvalidCode and ratelimit.ErrLocked.
func (s *Service) guessFactor(
	ctx context.Context, user db.User, proof Proof, client Client, then func(q *db.Queries) error,
) error {
	guess, err := s.begin(ctx, ratelimit.Account("second factor of "+user.ID.String()), user.Email, client)
	if err != nil {
		return err
	}
	defer s.release(ctx, guess)
	proved := false
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		// The account comes first, as wherever its factor is changed.
		_, err := q.UserLock(ctx, db.UserLockParams{ID: user.ID, CredentialsVersion: user.CredentialsVersion})
		switch {
		case postgres.IsNotFound(err): // the credentials have changed since they were read
			return ErrInvalidCode
		case err != nil:
			return fmt.Errorf("lock account: %w", err)
		}
		proved, err = s.prove(ctx, q, user, proof, client)
		if err != nil || !proved {
			return err
		}
		return then(q)
	})
	switch {
	case err != nil:
		return err
	case !proved:
		return s.refuse(ctx, guess, &user.ID, audit.SecondFactorRefused, ErrInvalidCode)
	}
	if err := guess.Succeed(ctx); err != nil { // what was proved is done; the failures before it lapse by themselves
		s.log.WarnContext(ctx, "failures are left to lapse", "user_id", user.ID, "error", err)
	}
	return nil
}

// prove spends a proof of an account's second factor, and reports whether it was one.
func (s *Service) prove(
	ctx context.Context, q *db.Queries, user db.User, proof Proof, client Client,
) (proved bool, err error) {
	_, secret, err := s.factor(ctx, q, user.ID, true)
	if err != nil || secret == nil {
		return false, err
	}
	if proof.RecoveryCode != "" {
		used, err := q.RecoveryCodeUse(ctx, db.RecoveryCodeUseParams{
			UserID: user.ID, CodeHash: hashRecoveryCode(secret, user.ID, proof.RecoveryCode), Now: s.now(),
		})
		switch {
		case err != nil:
			return false, fmt.Errorf("use recovery code: %w", err)
		case used == 0:
			return false, nil
		}
		return true, s.record(ctx, q, &user.ID, client, audit.RecoveryCodeUsed, nil)
	}
	step, ok, err := matchTOTP(string(secret), proof.Code, s.now())
	if err != nil || !ok {
		return false, err
	}
	taken, err := q.SecondFactorTake(ctx, db.SecondFactorTakeParams{UserID: user.ID, Step: step})
	if err != nil {
		return false, fmt.Errorf("take code: %w", err)
	}
	return taken > 0, nil
}

// factor reads the secret that counts, or the one that is being set up; nil: none.
func (s *Service) factor(
	ctx context.Context, q *db.Queries, userID uuid.UUID, enabled bool,
) (row db.SecondFactor, secret []byte, err error) {
	row, err = q.SecondFactorGet(ctx, db.SecondFactorGetParams{UserID: userID, Enabled: enabled})
	switch {
	case postgres.IsNotFound(err):
		return db.SecondFactor{}, nil, nil
	case err != nil:
		return db.SecondFactor{}, nil, fmt.Errorf("read second factor: %w", err)
	}
	secret, err = s.vault.open(userID, row.KeyID, row.Secret)
	return row, secret, err
}
