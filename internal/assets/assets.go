// Package assets keeps pictures: whose they are, what they are for, and how they are read.
package assets

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/storage"
	"github.com/mugshot-studio/backend/internal/store"
)

// URLLifetime is for how long a signed address can be fetched.
const URLLifetime = time.Hour

// Types of assets.
const (
	Selfie       = "selfie"
	Reference    = "ref"
	CopyTarget   = "copy_target"
	Render       = "render"
	ProfilePhoto = "profile_photo"
)

// Service reads assets.
type Service struct {
	store   *store.Store
	storage storage.Store
}

// NewService returns a service.
func NewService(s *store.Store, objects storage.Store) *Service {
	return &Service{store: s, storage: objects}
}

// ByIDs reads those of the assets that are ready and belong to the account. The caller bounds the list.
func (s *Service) ByIDs(ctx context.Context, userID uuid.UUID, ids []uuid.UUID) (map[uuid.UUID]db.Asset, error) {
	found := make(map[uuid.UUID]db.Asset, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	rows, err := s.store.Queries().AssetListByIDs(ctx, db.AssetListByIDsParams{Ids: ids, UserID: &userID})
	if err != nil {
		return nil, fmt.Errorf("read assets: %w", err)
	}
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, nil
}

// Sign makes an address for each asset, in one call for each bucket. An asset whose object is missing gets none.
func (s *Service) Sign(ctx context.Context, assets []db.Asset) (map[uuid.UUID]storage.SignedURL, error) {
	type batch struct {
		ids   []uuid.UUID
		paths []string
	}
	buckets := map[string]batch{}
	for _, a := range assets {
		b := buckets[a.Bucket]
		b.ids, b.paths = append(b.ids, a.ID), append(b.paths, a.StoragePath)
		buckets[a.Bucket] = b
	}
	signed := make(map[uuid.UUID]storage.SignedURL, len(assets))
	for bucket, b := range buckets {
		urls, err := s.storage.SignDownloads(ctx, bucket, b.paths, URLLifetime)
		if err != nil {
			return nil, unavailable(fmt.Errorf("sign assets: %w", err))
		}
		for i, id := range b.ids {
			signed[id] = urls[i]
		}
	}
	return signed, nil
}
