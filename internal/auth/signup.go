package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/password"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/mail"
	"github.com/mugshot-studio/backend/internal/platform/mailaddress"
	"github.com/mugshot-studio/backend/internal/platform/plaintext"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/tracecontext"
)

// How old a creator may be, in whole years.
const (
	minAge = 13
	maxAge = 120
)

// SignUp is a request for an account.
type SignUp struct {
	Email           string
	Password        string
	ConfirmPassword string
	Username        string
	FullName        string
	DOB             time.Time  // midnight UTC
	PhotoID         *uuid.UUID // of an upload that was made for this sign-up; nil: none
}

// ClaimPhoto gets the photo of an upload ready for an account that is about to be created. attach is to be run in the
// transaction that creates it, and finish once that is committed.
type ClaimPhoto func(ctx context.Context, userID, photoID uuid.UUID) (
	attach func(ctx context.Context, q *db.Queries) error, finish func(ctx context.Context), err error)

// SignUp creates an account and enqueues a mail with its code. An account that has the address and was never confirmed goes,
// with its password and its codes: whether a person may use an address, only its mailbox tells. It fails with a validation error that names every
// failing field, ErrEmailTaken, ErrUsernameTaken, and what ClaimPhoto fails with.
func (s *Service) SignUp(ctx context.Context, in SignUp, client Client) (userID uuid.UUID, err error) {
	in.Email, in.FullName = spelled(in.Email), strings.TrimSpace(in.FullName)
	if broken := s.checkSignUp(in); len(broken) > 0 {
		return uuid.Nil, apperr.Validation(broken...)
	}
	if s.UsernameReserved(in.Username) {
		return uuid.Nil, ErrUsernameTaken
	}
	userID, mailID := s.newID(), s.newID()
	attach, finish, err := s.photo(ctx, userID, in.PhotoID)
	if err != nil {
		return uuid.Nil, err
	}
	hash, err := s.passwords.Hash(ctx, in.Password)
	if err != nil {
		return uuid.Nil, err
	}
	err = s.store.InTx(ctx, func(q *db.Queries) error {
		if err := s.makeRoom(ctx, q, in); err != nil {
			return err
		}
		_, err := q.UserCreate(ctx, db.UserCreateParams{
			ID: userID, Email: in.Email, Username: in.Username, FullName: in.FullName, Dob: in.DOB,
			PasswordHash: &hash, Now: s.now(),
		})
		if err != nil {
			return taken(err)
		}
		if err := attach(ctx, q); err != nil {
			return err
		}
		if err := enqueue(ctx, q, mailID, userID, mail.KindConfirmEmail, struct{}{}); err != nil {
			return err
		}
		return s.record(ctx, q, &userID, client, audit.SignedUp, nil)
	})
	if err != nil {
		return uuid.Nil, err
	}
	finish(ctx)
	s.announce(ctx, mailID)
	return userID, nil
}

// makeRoom removes the accounts that a sign-up takes the place of. From then on until the end of the transaction no other
// sign-up of the address runs.
func (s *Service) makeRoom(ctx context.Context, q *db.Queries, in SignUp) error {
	if err := q.AddressLock(ctx, in.Email); err != nil {
		return fmt.Errorf("wait for other sign-ups: %w", err)
	}
	replaced, err := q.UserLockReplaceable(ctx, db.UserLockReplaceableParams{
		Email: in.Email, Username: in.Username, ExpiredBefore: s.expiredBefore(),
	})
	if err != nil {
		return fmt.Errorf("lock unconfirmed accounts: %w", err)
	}
	for _, id := range replaced {
		if err := s.removeUnconfirmed(ctx, q, id, audit.UnconfirmedReplaced); err != nil {
			return err
		}
	}
	return nil
}

// photo claims the photo of a sign-up, if it brings one.
func (s *Service) photo(ctx context.Context, userID uuid.UUID, photoID *uuid.UUID) (
	attach func(ctx context.Context, q *db.Queries) error, finish func(ctx context.Context), err error,
) {
	if photoID == nil {
		return func(context.Context, *db.Queries) error { return nil }, func(context.Context) {}, nil
	}
	return s.claimPhoto(ctx, userID, *photoID)
}

func (s *Service) checkSignUp(in SignUp) []apperr.Field {
	owner := password.Owner{Email: in.Email, Username: in.Username, Product: s.cfg.Product}
	broken := checkNewPassword("password", in.Password, in.ConfirmPassword, owner)
	if _, err := mailaddress.Normalize(in.Email); err != nil {
		broken = append(broken, apperr.Body("email", "format", "Check your e-mail address."))
	}
	broken = append(broken, CheckFullName(in.FullName)...)
	return append(broken, CheckDOB(in.DOB, s.now())...)
}

// checkNewPassword checks a password that was typed twice; field names its member of the body.
func checkNewPassword(field, plain, again string, owner password.Owner) []apperr.Field {
	broken := password.Check(field, plain, owner)
	if plain != again {
		broken = append(broken, apperr.Body("confirm_password", "mismatch", "Type the same password twice."))
	}
	return broken
}

// CheckFullName checks a name without the white space around it. The codes are those of package plaintext.
func CheckFullName(name string) []apperr.Field {
	switch code := plaintext.Line(name); code {
	case "":
		return nil
	case plaintext.CodeBlank:
		return []apperr.Field{apperr.Body("full_name", code, "Tell us your name.")}
	default:
		return []apperr.Field{apperr.Body("full_name", code, "Leave out characters that can't be seen.")}
	}
}

// CheckDOB checks a day of birth as of now. The codes are too_young and too_old.
func CheckDOB(dob, now time.Time) []apperr.Field {
	now = now.UTC()
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	switch {
	case dob.AddDate(minAge, 0, 0).After(today):
		return []apperr.Field{apperr.Body("dob", "too_young", fmt.Sprintf("You have to be at least %d years old.", minAge))}
	case !dob.AddDate(maxAge+1, 0, 0).After(today):
		return []apperr.Field{apperr.Body("dob", "too_old", "Check the year of your birth.")}
	}
	return nil
}

// taken names the constraint that refused an account.
func taken(err error) error {
	switch {
	case postgres.IsUnique(err, postgres.UsersEmailKey):
		return ErrEmailTaken
	case postgres.IsUnique(err, postgres.UsersUsernameKey):
		return ErrUsernameTaken
	}
	return fmt.Errorf("write account: %w", err)
}

// enqueue promises a mail, which says these facts, in the caller's transaction.
func enqueue(ctx context.Context, q *db.Queries, id, userID uuid.UUID, kind mail.Kind, facts any) error {
	encoded, err := json.Marshal(facts)
	if err != nil {
		return fmt.Errorf("encode facts of mail: %w", err)
	}
	origin := tracecontext.From(ctx)
	err = q.MailEnqueue(ctx, db.MailEnqueueParams{
		ID: id, UserID: &userID, Kind: string(kind), Facts: encoded, RequestID: origin.RequestID, Traceparent: origin.Traceparent,
	})
	if err != nil {
		return fmt.Errorf("promise mail: %w", err)
	}
	return nil
}
