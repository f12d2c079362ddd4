package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/password"
	"github.com/mugshot-studio/backend/internal/auth/token"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/ratelimit"
)

// resetLifetime is how long a reset token is good for.
const resetLifetime = 30 * time.Minute

// NewPassword is a password as it was typed, twice.
type NewPassword struct {
	Plain   string
	Confirm string
}

// ForgotPassword enqueues a mail with a link for the account with an address. Only the mailer looks whether there is such an
// account: here an unknown address takes the same work.
func (s *Service) ForgotPassword(ctx context.Context, email string, client Client) error {
	return s.enqueueByEmail(ctx, email, mail.KindResetPassword, client, audit.ResetRequested)
}

// ResetPassword takes a token that was mailed, gives its account a new password, ends all sessions and forgives failed
// sign-ins. The token proves the mailbox, as a code does: an address that is not confirmed yet is so from now on. It
// fails with ErrInvalidResetToken, or with a validation error, after which the token is still good.
func (s *Service) ResetPassword(ctx context.Context, resetToken string, wanted NewPassword, client Client) error {
	hash, err := token.HashReset(resetToken)
	if err != nil {
		return ErrInvalidResetToken
	}
	user, err := s.store.Queries().PasswordResetFind(ctx, db.PasswordResetFindParams{TokenHash: hash[:], Now: s.now()})
	switch {
	case postgres.IsNotFound(err):
		return ErrInvalidResetToken
	case err != nil:
		return fmt.Errorf("find reset token: %w", err)
	}
	replace, err := s.prepare(ctx, user, wanted, client)
	if err != nil {
		return err
	}
	var bonus int64
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		// The account comes first, as wherever rows of it are removed.
		_, err := q.UserLock(ctx, db.UserLockParams{ID: user.ID, CredentialsVersion: user.CredentialsVersion})
		switch {
		case postgres.IsNotFound(err):
			return ErrInvalidResetToken
		case err != nil:
			return fmt.Errorf("lock account: %w", err)
		}
		used, err := q.PasswordResetUse(ctx, db.PasswordResetUseParams{TokenHash: hash[:], Now: s.now()})
		if err != nil {
			return fmt.Errorf("use reset token: %w", err)
		}
		if used == 0 { // another request has used it
			return ErrInvalidResetToken
		}
		if _, bonus, err = s.confirmAddress(ctx, q, user.ID, client); err != nil {
			return err
		}
		return replace.write(ctx, q, audit.PasswordReset, uuid.Nil, ErrInvalidResetToken)
	})
	if err != nil {
		return err
	}
	s.observeBonus(bonus)
	s.announce(ctx, replace.mailID)
	s.onSessionsEnd(ctx, user.ID)
	if err := s.lockout.Clear(ctx, ratelimit.Account(user.Email)); err != nil {
		s.log.WarnContext(ctx, "lock is left to lapse", "user_id", user.ID, "error", err)
	}
	return nil
}

// ChangePassword gives the account that is asking a new password and ends its other sessions. It fails with a validation
// error, with ErrInvalidCredentials when current is wrong, and with ratelimit.ErrLocked.
func (s *Service) ChangePassword(
	ctx context.Context, p Principal, current string, wanted NewPassword, client Client,
) error {
	user, err := s.ConfirmPassword(ctx, p.UserID, current, client)
	if err != nil {
		return err
	}
	var unchanged []apperr.Field
	if current == wanted.Plain {
		unchanged = append(unchanged, apperr.Body("new_password", "unchanged", "Choose another password than the present one."))
	}
	replace, err := s.prepare(ctx, user, wanted, client, unchanged...)
	if err != nil {
		return err
	}
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		return replace.write(ctx, q, audit.PasswordChanged, p.SessionID, ErrInvalidCredentials)
	})
	if err != nil {
		return err
	}
	s.announce(ctx, replace.mailID)
	s.onSessionsEnd(ctx, user.ID)
	return nil
}

// ConfirmPassword checks the password of a signed-in owner once more, before something that can't be undone, and returns
// the account. It fails with ErrInvalidCredentials, and with ratelimit.ErrLocked like a sign-in.
func (s *Service) ConfirmPassword(ctx context.Context, userID uuid.UUID, plain string, client Client) (db.User, error) {
	user, err := s.account(ctx, userID)
	if err != nil {
		return db.User{}, err
	}
	guess, err := s.begin(ctx, ratelimit.Account(user.Email), user.Email, client)
	if err != nil {
		return db.User{}, err
	}
	defer s.release(ctx, guess)
	match, err := s.verify(ctx, user, plain)
	if err != nil {
		return db.User{}, err
	}
	if !match {
		return db.User{}, s.refuse(ctx, guess, &user.ID, audit.PasswordRefused, ErrInvalidCredentials)
	}
	return user, guess.Succeed(ctx)
}

// replacement is a new password, checked and hashed before the transaction that writes it.
type replacement struct {
	service *Service
	user    db.User
	hash    string
	mailID  uuid.UUID
	client  Client
}

// prepare fails with a validation error for a password that breaks a rule, and for what the caller has found already.
func (s *Service) prepare(
	ctx context.Context, user db.User, wanted NewPassword, client Client, found ...apperr.Field,
) (replacement, error) {
	owner := password.Owner{Email: user.Email, Username: user.Username, Product: s.cfg.Product}
	broken := append(checkNewPassword("new_password", wanted.Plain, wanted.Confirm, owner), found...)
	if len(broken) > 0 {
		return replacement{}, apperr.Validation(broken...)
	}
	hash, err := s.passwords.Hash(ctx, wanted.Plain)
	if err != nil {
		return replacement{}, err
	}
	return replacement{service: s, user: user, hash: hash, mailID: s.newID(), client: client}, nil
}

// write replaces the password, ends every session but keep, voids unused reset tokens, and enqueues a mail that tells the
// owner. It fails with raced when the account's credentials have changed since they were read.
func (r replacement) write(
	ctx context.Context, q *db.Queries, action audit.Action, keep uuid.UUID, raced error,
) error {
	now := r.service.now()
	set, err := q.UserSetPassword(ctx, db.UserSetPasswordParams{
		ID: r.user.ID, CredentialsVersion: r.user.CredentialsVersion, PasswordHash: &r.hash, Now: now,
	})
	switch {
	case err != nil:
		return fmt.Errorf("set password: %w", err)
	case set == 0:
		return raced
	}
	ended, err := q.SessionRevokeOthers(ctx, db.SessionRevokeOthersParams{
		UserID: r.user.ID, KeepID: keep, Reason: endPasswordChanged, Now: now,
	})
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	if err := q.PasswordResetVoid(ctx, db.PasswordResetVoidParams{UserID: r.user.ID, Now: now}); err != nil {
		return fmt.Errorf("void reset tokens: %w", err)
	}
	if err := enqueue(ctx, q, r.mailID, r.user.ID, mail.KindPasswordChanged, r.client.origin()); err != nil {
		return err
	}
	return r.service.record(ctx, q, &r.user.ID, r.client, action, map[string]any{"sessions_ended": ended})
}
