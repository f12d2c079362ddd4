package handler

import (
	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// toAsset maps a ready asset, whose measures its row is bound to have.
func toAsset(a db.Asset, signed storage.SignedURL) api.Asset {
	return api.Asset{
		ID: a.ID, Type: api.AssetType(a.Type), StoragePath: a.StoragePath, ContentType: api.AssetContentType(a.ContentType),
		SizeBytes: a.SizeBytes, Width: int64(*a.Width), Height: int64(*a.Height), Md5: *a.MD5,
		URL: signed.URL, URLExpiresAt: signed.ExpiresAt.UTC(), CreatedAt: a.CreatedAt.UTC(),
	}
}
