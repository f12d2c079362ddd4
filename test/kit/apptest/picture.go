package apptest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"image"
	"image/png"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

// Picture makes an asset of an account that is ready to use, without an upload and without a check of its content.
func (a *App) Picture(t testing.TB, who *Account, kind client.AssetType) uuid.UUID {
	t.Helper()
	var encoded bytes.Buffer
	require.NoError(t, png.Encode(&encoded, image.NewGray(image.Rect(0, 0, 64, 36))))
	id, now, size := newID(), a.Clock.Now(), int64(encoded.Len())
	sum := md5.Sum(encoded.Bytes())
	owner, bucket := who.Session.User.ID, storage.BucketUserAssets
	if kind == client.AssetTypeProfilePhoto {
		bucket = storage.BucketProfilePhotos
	}
	object := storage.Object{Bucket: bucket, Path: storage.ObjectName(owner, string(kind), id, now, "image/png")}
	require.NoError(t, a.app.Objects().Put(t.Context(), object, "image/png", bytes.NewReader(encoded.Bytes()), size))
	q := a.Store.Queries()
	require.NoError(t, q.AssetCreate(t.Context(), db.AssetCreateParams{
		ID: id, UserID: &owner, Type: string(kind), Bucket: bucket, StoragePath: object.Path, ContentType: "image/png",
		SizeBytes: size, Now: now,
	}))
	_, err := q.AssetReady(t.Context(), db.AssetReadyParams{
		ID: id, Owner: &owner, UserID: &owner, StoragePath: object.Path, ContentType: "image/png", SizeBytes: size,
		Width: new(int32(64)), Height: new(int32(36)), MD5: new(hex.EncodeToString(sum[:])), Now: now,
	})
	require.NoError(t, err)
	return id
}
