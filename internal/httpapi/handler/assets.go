package handler

import (
	"context"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/httpapi/edge"
)

const listAssets list = 'a'

// assetHandlers are the operations of the tag assets, and the upload of a photo before sign-up.
type assetHandlers struct {
	cursors cursors
	assets  *assets.Service
	links   links
}

// CreateUpload answers POST /assets/uploads.
func (h assetHandlers) CreateUpload(
	ctx context.Context, r api.CreateUploadRequestObject,
) (api.CreateUploadResponseObject, error) {
	ticket, err := h.assets.CreateUpload(ctx, edge.PrincipalFrom(ctx).UserID, assets.Upload{
		Type: string(r.Body.Type), ContentType: string(r.Body.ContentType), Size: r.Body.SizeBytes,
	})
	if err != nil {
		return nil, err
	}
	return api.CreateUpload201JSONResponse(toSignedUpload(ticket)), nil
}

// CreateSignupPhotoUpload answers POST /auth/signup/photo.
func (h assetHandlers) CreateSignupPhotoUpload(
	ctx context.Context, r api.CreateSignupPhotoUploadRequestObject,
) (api.CreateSignupPhotoUploadResponseObject, error) {
	ticket, err := h.assets.CreateSignupUpload(ctx, string(r.Body.ContentType), r.Body.SizeBytes)
	if err != nil {
		return nil, err
	}
	return api.CreateSignupPhotoUpload201JSONResponse(toSignedUpload(ticket)), nil
}

// CompleteUpload answers POST /assets/uploads/{asset_id}/complete.
func (h assetHandlers) CompleteUpload(
	ctx context.Context, r api.CompleteUploadRequestObject,
) (api.CompleteUploadResponseObject, error) {
	row, created, err := h.assets.Complete(ctx, edge.PrincipalFrom(ctx).UserID, r.AssetID)
	if err != nil {
		return nil, err
	}
	asset, err := h.show(ctx, row)
	switch {
	case err != nil:
		return nil, err
	case created:
		return api.CompleteUpload201JSONResponse(asset), nil
	}
	return api.CompleteUpload200JSONResponse(asset), nil
}

// ListAssets answers GET /assets.
func (h assetHandlers) ListAssets(ctx context.Context, r api.ListAssetsRequestObject) (api.ListAssetsResponseObject, error) {
	before, err := decodeCursor(h.cursors, listAssets, r.Params.Cursor, uuid.Max)
	if err != nil {
		return nil, err
	}
	size := pageSize(r.Params.Limit)
	rows, err := h.assets.List(ctx, edge.PrincipalFrom(ctx).UserID, textOf(r.Params.Type), before, size+1)
	if err != nil {
		return nil, err
	}
	rows, next := paginate(h.cursors, listAssets, rows, size, func(a db.Asset) uuid.UUID { return a.ID })
	signed, err := h.links.of(ctx, rows...)
	if err != nil {
		return nil, err
	}
	items := make([]api.Asset, len(rows))
	for i, row := range rows {
		items[i] = toAsset(row, signed[row.ID])
	}
	return api.ListAssets200JSONResponse{Items: items, NextCursor: next}, nil
}

// GetAsset answers GET /assets/{asset_id}.
func (h assetHandlers) GetAsset(ctx context.Context, r api.GetAssetRequestObject) (api.GetAssetResponseObject, error) {
	row, err := h.assets.Get(ctx, edge.PrincipalFrom(ctx).UserID, r.AssetID)
	if err != nil {
		return nil, err
	}
	asset, err := h.show(ctx, row)
	if err != nil {
		return nil, err
	}
	return api.GetAsset200JSONResponse(asset), nil
}

// DeleteAsset answers DELETE /assets/{asset_id}.
func (h assetHandlers) DeleteAsset(ctx context.Context, r api.DeleteAssetRequestObject) (api.DeleteAssetResponseObject, error) {
	if err := h.assets.Delete(ctx, edge.PrincipalFrom(ctx).UserID, r.AssetID); err != nil {
		return nil, err
	}
	return api.DeleteAsset204Response{}, nil
}

// show maps one asset, with an address.
func (h assetHandlers) show(ctx context.Context, row db.Asset) (api.Asset, error) {
	signed, err := h.links.of(ctx, row)
	if err != nil {
		return api.Asset{}, err
	}
	return toAsset(row, signed[row.ID]), nil
}

func toSignedUpload(t assets.Ticket) api.SignedUpload {
	return api.SignedUpload{
		AssetID: t.AssetID, Method: t.Method, URL: t.URL, Headers: t.Headers, ExpiresAt: t.ExpiresAt.UTC(),
	}
}
