package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Enrolment is a secret to be kept by an authenticator app.
type Enrolment struct {
	Secret string // base32
	URL    string // otpauth://, for a QR code
}

// recentSignIn is how old a session may be that sets up a second factor without the password.
const recentSignIn = 10 * time.Minute

// SetUp is what a client shows of itself when it sets up a second factor.
type SetUp struct {
	Password string // "": the session has to be a recent one
	Code     string // of the factor that is on already
}

// SetUpSecondFactor makes a secret that takes effect once [Service.EnableSecondFactor] has seen a code of it. It needs the
// password, or a session that was opened at most ten minutes ago: a stolen session must not lock the owner out. An account
// that has a second factor already needs a code of that one, too. It fails with ErrInvalidCredentials, ErrInvalidCode, and with
// ratelimit.ErrLocked.
func (s *Service) SetUpSecondFactor(ctx context.Context, p Principal, in SetUp, client Client) (Enrolment, error) {
	user, err := s.confirmOwner(ctx, p, in.Password, client)
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
		n, err := q.SecondFactorSetUp(ctx, db.SecondFactorSetUpParams{
			UserID: user.ID, CredentialsVersion: user.CredentialsVersion, Secret: sealed, KeyID: s.vault.currentKey(), Now: s.now(),
		})
		switch {
		case err != nil:
			return fmt.Errorf("keep second factor: %w", err)
		case n == 0: // a factor was enabled, or the password changed, since the account was read
			return ErrInvalidCode
		}
		return s.record(ctx, q, &user.ID, client, audit.SecondFactorSetUp, nil)
	}
	switch {
	case user.SecondFactorEnabledAt == nil:
		err = s.store.InTx(ctx, keep)
	case in.Code == "":
		err = ErrInvalidCode
	default:
		err = s.guessFactor(ctx, user, Proof{Code: in.Code}, client, keep)
	}
	if err != nil {
		return Enrolment{}, err
	}
	return Enrolment{Secret: secret, URL: url}, nil
}

// confirmOwner reads the account of a session, given its password or a recent sign-in.
func (s *Service) confirmOwner(ctx context.Context, p Principal, plain string, client Client) (db.User, error) {
	if plain != "" {
		return s.ConfirmPassword(ctx, p.UserID, plain, client)
	}
	user, err := s.account(ctx, p.UserID)
	if err != nil {
		return db.User{}, err
	}
	session, err := s.store.Queries().SessionGet(ctx, p.SessionID)
	switch {
	case postgres.IsNotFound(err):
		return db.User{}, ErrUnauthenticated
	case err != nil:
		return db.User{}, fmt.Errorf("read session: %w", err)
	case s.now().Sub(session.CreatedAt) > recentSignIn:
		return db.User{}, ErrPasswordNeeded
	}
	return user, nil
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
	mailID := s.newID()
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		if err := s.enable(ctx, q, user, pending.Secret, step, hashes); err != nil {
			return err
		}
		facts := factorFacts{Change: mail.FactorEnabled, Origin: client.origin()}
		if user.SecondFactorEnabledAt != nil {
			facts.Change = mail.FactorReplaced
		}
		if err := enqueue(ctx, q, mailID, user.ID, mail.KindSecondFactor, facts); err != nil {
			return err
		}
		return s.record(ctx, q, &user.ID, client, audit.SecondFactorEnabled, nil)
	})
	if err != nil {
		return nil, err
	}
	s.announce(ctx, mailID)
	return codes, nil
}

// enable makes the secret that was set up the one that counts.
func (s *Service) enable(ctx context.Context, q *db.Queries, user db.User, sealed []byte, step int64, hashes [][]byte) error {
	now := s.now()
	if err := s.recordFactor(ctx, q, user, &now, hashes); err != nil {
		return err
	}
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
	return nil
}
