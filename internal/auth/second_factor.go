package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/audit"
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

// Enrolment is a secret to be kept by an authenticator app.
type Enrolment struct {
	Secret string // base32
	URL    string // otpauth://, for a QR code
}

// SetUpSecondFactor makes a secret that takes effect once [Service.EnableSecondFactor] has seen a code of it. An account that
// has a second factor already needs a code of that one. It fails with ErrInvalidCode, and with ratelimit.ErrLocked.
func (s *Service) SetUpSecondFactor(ctx context.Context, p Principal, code string, client Client) (Enrolment, error) {
	user, err := s.account(ctx, p.UserID)
	if err != nil {
		return Enrolment{}, err
	}
	secret, url, err := newTOTP(s.random, s.cfg.Product, user.Email)
	if err != nil {
		return Enrolment{}, err
	}
	sealed, err := s.vault.seal(user.ID, []byte(secret))
	if err != nil {
		return Enrolment{}, err
	}
	keep := func(q *db.Queries) error {
		err := q.SecondFactorSetUp(ctx, db.SecondFactorSetUpParams{
			UserID: user.ID, Secret: sealed, KeyID: s.vault.currentKey(), Now: s.now(),
		})
		if err != nil {
			return fmt.Errorf("keep second factor: %w", err)
		}
		return s.record(ctx, q, &user.ID, client, audit.SecondFactorSetUp, nil)
	}
	switch {
	case user.SecondFactorEnabledAt == nil:
		err = s.store.InTx(ctx, keep)
	case code == "":
		err = ErrInvalidCode
	default:
		err = s.guessFactor(ctx, user, Proof{Code: code}, client, keep)
	}
	if err != nil {
		return Enrolment{}, err
	}
	return Enrolment{Secret: secret, URL: url}, nil
}

// EnableSecondFactor makes the secret that was set up count, in place of an earlier one, given a code of it, and returns
// recovery codes, which are shown this once. It fails with [ErrInvalidCode].
func (s *Service) EnableSecondFactor(ctx context.Context, p Principal, code string, client Client) ([]string, error) {
	user, err := s.account(ctx, p.UserID)
	if err != nil {
		return nil, err
	}
	pending, secret, err := s.factor(ctx, s.store.Queries(), user.ID, false)
	if err != nil {
		return nil, err
	}
	step, ok, err := matchTOTP(string(secret), code, s.now())
	if err != nil {
		return nil, err
	}
	if secret == nil || !ok {
		if err := s.record(ctx, s.store.Queries(), &user.ID, client, audit.SecondFactorRefused, nil); err != nil {
			return nil, err
		}
		return nil, ErrInvalidCode
	}
	codes, err := newRecoveryCodes(s.random)
	if err != nil {
		return nil, err
	}
	hashes := make([][]byte, len(codes))
	for i, code := range codes {
		hashes[i] = hashRecoveryCode(secret, user.ID, code)
	}
	err = s.store.InTx(ctx, func(q *db.Queries) error { return s.enable(ctx, q, user, pending.Secret, step, hashes, client) })
	if err != nil {
		return nil, err
	}
	return codes, nil
}

func (s *Service) enable(
	ctx context.Context, q *db.Queries, user db.User, sealed []byte, step int64, hashes [][]byte, client Client,
) error {
	if err := q.SecondFactorDrop(ctx, user.ID); err != nil {
		return fmt.Errorf("drop earlier second factor: %w", err)
	}
	n, err := q.SecondFactorEnable(ctx, db.SecondFactorEnableParams{UserID: user.ID, Secret: sealed, LastStep: step})
	switch {
	case err != nil:
		return fmt.Errorf("enable second factor: %w", err)
	case n == 0: // set up anew, or enabled, in the meantime
		return ErrInvalidCode
	}
	now := s.now()
	if err := s.recordFactor(ctx, q, user, &now, hashes); err != nil {
		return err
	}
	return s.record(ctx, q, &user.ID, client, audit.SecondFactorEnabled, nil)
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
	return s.guessFactor(ctx, user, proof, client, func(q *db.Queries) error {
		if err := q.SecondFactorDrop(ctx, user.ID); err != nil {
			return fmt.Errorf("drop second factor: %w", err)
		}
		if err := s.recordFactor(ctx, q, user, nil, nil); err != nil {
			return err
		}
		return s.record(ctx, q, &user.ID, client, audit.SecondFactorDisabled, nil)
	})
}

// recordFactor sets the account's flag, and writes the audit entry, for a factor that was enabled or disabled.
func (s *Service) recordFactor(
	ctx context.Context, q *db.Queries, user db.User, enabledAt *time.Time, recoveryHashes [][]byte,
) error {
	err := q.RecoveryCodeReplace(ctx, db.RecoveryCodeReplaceParams{UserID: user.ID, CodeHashes: recoveryHashes})
	if err != nil {
		return fmt.Errorf("replace recovery codes: %w", err)
	}
	n, err := q.UserSetSecondFactor(ctx, db.UserSetSecondFactorParams{
		ID: user.ID, CredentialsVersion: user.CredentialsVersion, EnabledAt: enabledAt, Now: s.now(),
	})
	switch {
	case err != nil:
		return fmt.Errorf("record second factor: %w", err)
	case n == 0: // the credentials have changed since they were read
		return ErrInvalidCode
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
