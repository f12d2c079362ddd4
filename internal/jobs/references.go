package jobs

import (
	"context"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/providers"
)

// maxReferenceBytes is the limit of an upload; see contract: 8 MiB.
const maxReferenceBytes = 8 << 20

// references fetches the pictures that a prompt refers to. A picture that was deleted since is left out: the
// creator took it away.
func (r *Renderer) references(ctx context.Context, userID uuid.UUID, p db.Prompt) ([]providers.Reference, error) {
	ids := append([]uuid.UUID{}, p.RefAssetIds...)
	for _, id := range []*uuid.UUID{p.SelfieAssetID, p.CopyTargetAssetID} {
		if id != nil {
			ids = append(ids, *id)
		}
	}
	found, err := r.Assets.ByIDs(ctx, userID, ids)
	if err != nil {
		return nil, err
	}
	var list []providers.Reference
	for _, id := range ids {
		asset, ok := found[id]
		if !ok {
			continue
		}
		data, err := r.fetch(ctx, asset)
		if err != nil {
			return nil, err
		}
		list = append(list, providers.Reference{Role: asset.Type, ContentType: asset.ContentType, Data: data})
	}
	return list, nil
}

func (r *Renderer) fetch(ctx context.Context, a db.Asset) ([]byte, error) {
	body, _, err := r.Objects.Open(ctx, storage.Object{Bucket: a.Bucket, Path: a.StoragePath})
	if err != nil {
		return nil, fmt.Errorf("open reference: %w", err)
	}
	defer body.Close()
	data, err := io.ReadAll(io.LimitReader(body, maxReferenceBytes))
	if err != nil {
		return nil, fmt.Errorf("read reference: %w", err)
	}
	return data, nil
}
