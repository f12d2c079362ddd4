package handler

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/account"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// storageAway is a storage that is not there.
type storageAway struct{ storage.Store }

func (storageAway) SignDownloads(context.Context, string, []string, time.Duration) ([]storage.SignedURL, error) {
	return nil, storage.ErrUnavailable
}

func TestUserReader_answersASessionWhileStorageIsAway(t *testing.T) {
	t.Parallel()
	s := factory.Store(t)
	user := factory.User(t, s, 0)
	_, err := s.Pool().Exec(t.Context(), `with photo as (
			insert into assets (id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5)
			values ($1, $2, 'profile_photo', 'ready', 'profile_photos', 'a/b.png', 'image/png', 3, 1, 1, '9e107d9d372bb6826bd81d3542a419d6')
			returning id
		)
		update users set profile_photo_asset_id = (select id from photo) where id = $2`, factory.ID(), user.ID)
	require.NoError(t, err)
	reader := userReader{
		accounts: account.New(account.Deps{Store: s}), links: links{assets: assets.NewService(s, storageAway{})},
	}
	_, err = reader.read(t.Context(), user.ID)
	require.ErrorIs(t, err, apperr.ErrUnavailable, "getMe has nothing else to say")
	answered, err := reader.readForSession(t.Context(), user.ID)
	require.NoError(t, err)
	require.Equal(t, user.ID, answered.ID)
	require.True(t, answered.ProfilePhoto.IsNull())
}
