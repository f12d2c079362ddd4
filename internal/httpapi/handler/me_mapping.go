package handler

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	openapi_types "github.com/oapi-codegen/runtime/types"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/account"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
)

// userReader reads accounts as their owners see them.
type userReader struct {
	accounts *account.Service
	links    links
}

func (u userReader) read(ctx context.Context, userID uuid.UUID) (api.User, error) {
	found, err := u.accounts.Get(ctx, userID)
	if err != nil {
		return api.User{}, err
	}
	return u.view(ctx, found)
}

// readForSession is read for the answer that has a session, which must not get lost because storage is unavailable: then the
// account is answered without its photo, which getMe answers later.
func (u userReader) readForSession(ctx context.Context, userID uuid.UUID) (api.User, error) {
	found, err := u.accounts.Get(ctx, userID)
	if err != nil {
		return api.User{}, err
	}
	user, err := u.view(ctx, found)
	if errors.Is(err, apperr.ErrUnavailable) {
		found.Photo = nil
		return u.view(ctx, found)
	}
	return user, err
}

// view maps an account, and signs the address of its photo. A photo whose object is missing is left out.
func (u userReader) view(ctx context.Context, a account.Account) (api.User, error) {
	photo := nullable.NewNullNullable[api.Asset]()
	if a.Photo != nil {
		signed, err := u.links.of(ctx, *a.Photo)
		if err != nil {
			return api.User{}, err
		}
		if address := signed[a.Photo.ID]; address.URL != "" {
			photo = nullable.NewNullableWithValue(toAsset(*a.Photo, address))
		}
	}
	return api.User{
		ID: a.ID, Email: a.Email, EmailConfirmed: a.EmailConfirmedAt != nil, Username: a.Username, FullName: a.FullName,
		Dob: openapi_types.Date{Time: a.Dob}, ProfilePhoto: photo, Plan: api.UserPlan(a.Plan), Credits: a.Credits,
		SecondFactorEnabled: a.SecondFactorEnabledAt != nil,
		CreatedAt:           a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(),
	}, nil
}

// withHoldings adds to an account what it may keep, and what it keeps.
func withHoldings(u api.User, projects int64, pictures db.AssetsKeptRow) api.User {
	limits := catalog.LimitsOf(string(u.Plan))
	u.Limits = &api.AccountLimits{
		Projects: limits.Projects, Pictures: limits.Pictures, StoredBytes: limits.StoredBytes, RepliesPerDay: limits.RepliesPerDay,
	}
	u.Usage = &api.AccountUsage{Projects: projects, Pictures: pictures.Pictures, StoredBytes: pictures.Bytes}
	return u
}

func toCreditEntry(e db.CreditEntryListRow) api.CreditEntry {
	return api.CreditEntry{
		ID: e.ID, Delta: e.DeltaCredits, BalanceAfter: e.BalanceAfter, Reason: api.CreditReason(e.Action), JobID: e.JobID,
		CreatedAt: e.CreatedAt.UTC(),
	}
}
