package account

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/audit"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
)

// Change names the members to change. Members that are nil stay as they are.
type Change struct {
	Username *string
	FullName *string
	DOB      *time.Time  // midnight UTC
	Photo    **uuid.UUID // pointing at nil: no photo
}

// Update changes an account and returns the changed account. It fails with a validation error that names every failing
// field, with auth.ErrUsernameTaken, and with ErrNotFound.
func (s *Service) Update(ctx context.Context, userID uuid.UUID, c Change, client auth.Client) (Account, error) {
	if broken := c.check(s.now()); len(broken) > 0 {
		return Account{}, apperr.Validation(broken...)
	}
	if c.Username != nil && s.auth.UsernameReserved(*c.Username) {
		return Account{}, auth.ErrUsernameTaken
	}
	params := db.UserUpdateParams{ID: userID, Username: c.Username, FullName: c.FullName, Dob: c.DOB, Now: s.now()}
	if c.Photo != nil {
		params.SetPhoto, params.Photo = true, *c.Photo
	}
	var user db.User
	err := s.store.InTx(ctx, func(q *db.Queries) (err error) {
		user, err = q.UserUpdate(ctx, params)
		switch {
		case postgres.IsNotFound(err):
			return ErrNotFound
		case postgres.IsUnique(err, postgres.UsersUsernameKey):
			return auth.ErrUsernameTaken
		case err != nil:
			return fmt.Errorf("change account: %w", err)
		case params.Photo != nil && user.ProfilePhotoAssetID == nil:
			return apperr.Validation(apperr.Body("profile_photo_asset_id", "not_found",
				"Name a finished profile photo of your own."))
		}
		return s.record(ctx, q, userID, client, audit.ProfileChanged, map[string]any{"members": c.members()})
	})
	if err != nil {
		return Account{}, err
	}
	return s.withPhoto(ctx, user)
}

// check trims what was typed, and returns what is wrong with it.
func (c *Change) check(now time.Time) (broken []apperr.Field) {
	if c.FullName != nil {
		trimmed := strings.TrimSpace(*c.FullName)
		c.FullName = &trimmed
		broken = append(broken, auth.CheckFullName(trimmed)...)
	}
	if c.DOB != nil {
		broken = append(broken, auth.CheckDOB(*c.DOB, now)...)
	}
	return broken
}

// members names what is changed, without what it is changed to.
func (c *Change) members() []string {
	names := []string{}
	for name, given := range map[string]bool{
		"username": c.Username != nil, "full_name": c.FullName != nil, "dob": c.DOB != nil,
		"profile_photo_asset_id": c.Photo != nil,
	} {
		if given {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	return names
}
