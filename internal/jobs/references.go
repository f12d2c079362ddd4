package jobs

import (
	"context"
	"crypto/md5" //nolint:gosec // a checksum that the contract asks for, not a protection
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/providers"
)

// maxReferenceBytes is the limit of an upload; see contract: 8 MiB.
const maxReferenceBytes = 8 << 20

var (
	// errPictureGone says that a picture of the prompt was deleted. What was paid for can't be drawn without it.
	errPictureGone = errors.New("jobs: a picture of the prompt is gone")
	// errPictureChanged says that the storage holds other bytes than those that were checked.
	errPictureChanged = errors.New("jobs: a picture is not the one that was checked")
)

// references fetches the pictures that a prompt refers to: all of them, and the very bytes that were checked at their
// upload. It fails with errPictureGone, which deleteAsset rules out while a job needs the picture, and errPictureChanged.
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
			return nil, errPictureGone
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
	data, err := io.ReadAll(io.LimitReader(body, maxReferenceBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read reference: %w", err)
	}
	sum := md5.Sum(data) //nolint:gosec // the checksum that the row has
	if int64(len(data)) != a.SizeBytes || a.MD5 == nil || hex.EncodeToString(sum[:]) != *a.MD5 {
		r.Log.ErrorContext(ctx, "a picture in storage is not the one that was checked", "asset_id", a.ID, "bucket", a.Bucket,
			"path", a.StoragePath, "bytes", len(data), "expected_bytes", a.SizeBytes)
		return nil, errPictureChanged
	}
	return data, nil
}
