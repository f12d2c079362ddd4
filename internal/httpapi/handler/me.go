package handler

import (
	"context"
	"math"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/account"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/credits"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
	"github.com/mugshot-studio/backend/internal/projects"
)

// meHandlers are the operations of the tag me.
type meHandlers struct {
	cursors  cursors
	users    userReader
	credits  *credits.Service
	projects *projects.Service
	assets   *assets.Service
	cookies  cookieJar
}

// GetMe reads the signed-in account, what it may keep and what it keeps.
func (h meHandlers) GetMe(ctx context.Context, _ api.GetMeRequestObject) (api.GetMeResponseObject, error) {
	userID := edge.PrincipalFrom(ctx).UserID
	user, err := h.users.read(ctx, userID)
	if err != nil {
		return nil, err
	}
	kept, err := h.projects.Kept(ctx, userID)
	if err != nil {
		return nil, err
	}
	pictures, err := h.assets.Kept(ctx, userID)
	if err != nil {
		return nil, err
	}
	return api.GetMe200JSONResponse(withHoldings(user, kept.Projects, pictures)), nil
}

// UpdateMe changes the signed-in account.
func (h meHandlers) UpdateMe(ctx context.Context, r api.UpdateMeRequestObject) (api.UpdateMeResponseObject, error) {
	wanted := account.Change{
		Username: r.Body.Username, FullName: r.Body.FullName,
		Photo: change(r.Body.ProfilePhotoAssetID, func(id uuid.UUID) uuid.UUID { return id }),
	}
	if r.Body.Dob != nil {
		wanted.DOB = &r.Body.Dob.Time
	}
	changed, err := h.users.accounts.Update(ctx, edge.PrincipalFrom(ctx).UserID, wanted, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	user, err := h.users.view(ctx, changed)
	if err != nil {
		return nil, err
	}
	return api.UpdateMe200JSONResponse(user), nil
}

// DeleteMe deletes the signed-in account, and makes the browser forget its cookies. Whether it has any can't be seen: the refresh
// cookie is not sent here.
func (h meHandlers) DeleteMe(ctx context.Context, r api.DeleteMeRequestObject) (api.DeleteMeResponseObject, error) {
	err := h.users.accounts.Delete(ctx, edge.PrincipalFrom(ctx).UserID, r.Body.Password, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return deletedWithCookies{api.DeleteMe204Response{}, h.cookies.expire()}, nil
}

// ExportMe answers everything that is stored about the signed-in account.
func (h meHandlers) ExportMe(ctx context.Context, _ api.ExportMeRequestObject) (api.ExportMeResponseObject, error) {
	export, err := h.users.accounts.Export(ctx, edge.PrincipalFrom(ctx).UserID, auth.Client(edge.ClientFrom(ctx)))
	if err != nil {
		return nil, err
	}
	return exportFile{ctx: ctx, export: export}, nil
}

// ListCredits reads the balance and a page of the ledger.
func (h meHandlers) ListCredits(ctx context.Context, r api.ListCreditsRequestObject) (api.ListCreditsResponseObject, error) {
	before, err := decodeCursor(h.cursors, listCredits, r.Params.Cursor, int64(math.MaxInt64))
	if err != nil {
		return nil, err
	}
	size := pageSize(r.Params.Limit)
	ledger, err := h.credits.List(ctx, edge.PrincipalFrom(ctx).UserID, before, size+1)
	if err != nil {
		return nil, err
	}
	rows, next := paginate(h.cursors, listCredits, ledger.Entries, size, func(e db.CreditEntryListRow) int64 { return e.Seq })
	items := make([]api.CreditEntry, len(rows))
	for i, row := range rows {
		items[i] = toCreditEntry(row)
	}
	return api.ListCredits200JSONResponse{Balance: ledger.Balance, Items: items, NextCursor: next}, nil
}
