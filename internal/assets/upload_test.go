package assets_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
)

func TestCreateUpload(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ticket, err := f.CreateUpload(t.Context(), f.user.ID, assets.Upload{
		Type: assets.Selfie, ContentType: "image/webp", Size: 1234,
	})
	require.NoError(t, err)
	require.NotEmpty(t, ticket.URL)
	require.Equal(t, "PUT", ticket.Method)
	require.WithinDuration(t, time.Now().Add(time.Hour), ticket.ExpiresAt, time.Minute)
	row, ok := f.row(t, ticket.AssetID)
	require.True(t, ok)
	require.Equal(t, "pending", row.Status)
	require.Equal(t, storage.BucketUserAssets, row.Bucket)
	require.Regexp(t, "^"+f.user.ID.String()+"/incoming/"+ticket.AssetID.String()+`_\d{8}T\d{6}Z\.webp$`, row.StoragePath)

	_, err = f.Get(t.Context(), f.user.ID, ticket.AssetID)
	require.ErrorIs(t, err, assets.ErrNotFound, "it is not a picture yet")
	_, _, err = f.Complete(t.Context(), f.user.ID, ticket.AssetID)
	require.ErrorIs(t, err, assets.ErrUploadMissing)

	f.objects.failSign.Store(true)
	_, err = f.CreateUpload(t.Context(), f.user.ID, assets.Upload{Type: assets.Selfie, ContentType: "image/webp", Size: 1})
	require.ErrorIs(t, err, apperr.ErrUnavailable)
}
