package account_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/account"
	"github.com/mugshot-studio/backend/internal/auth"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestGet_404_onceTheAccountIsGone(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.Get(t.Context(), factory.ID())
	require.ErrorIs(t, err, account.ErrNotFound)
}

func TestUpdate_200(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.member(t, "ada")
	photo := f.asset(t, user.ID, "profile_photo", storage.BucketProfilePhotos, "")
	username, name, dob := "Countess", "  Augusta Ada King  ", time.Date(1990, time.May, 4, 0, 0, 0, 0, time.UTC)
	id := &photo
	changed, err := f.Update(t.Context(), user.ID, account.Change{
		Username: &username, FullName: &name, DOB: &dob, Photo: &id,
	}, here)
	require.NoError(t, err)
	require.Equal(t, "Countess", changed.Username)
	require.Equal(t, "Augusta Ada King", changed.FullName)
	require.Equal(t, dob, changed.Dob.UTC())
	require.NotNil(t, changed.Photo)
	require.Equal(t, photo, changed.Photo.ID)
	require.Equal(t, `["dob", "full_name", "profile_photo_asset_id", "username"]`,
		f.text(t, "select meta->'members' from audit_logs where action = 'profile_changed'"))

	same, err := f.Update(t.Context(), user.ID, account.Change{}, here)
	require.NoError(t, err)
	require.Equal(t, "Countess", same.Username)
	require.NotNil(t, same.Photo, "what is left out stays")

	var none *uuid.UUID
	bare, err := f.Update(t.Context(), user.ID, account.Change{Photo: &none}, here)
	require.NoError(t, err)
	require.Nil(t, bare.Photo)
	require.Nil(t, bare.ProfilePhotoAssetID)
	read, err := f.Get(t.Context(), user.ID)
	require.NoError(t, err)
	require.Equal(t, bare, read)
}

func TestUpdate_400(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.member(t, "ada")
	grace, _ := f.member(t, "grace")
	blank, young := " \u00a0", time.Now().AddDate(-5, 0, 0)
	_, err := f.Update(t.Context(), user.ID, account.Change{FullName: &blank, DOB: &young}, here)
	requireFields(t, err, "/full_name required", "/dob too_young")

	for name, asset := range map[string]uuid.UUID{
		"another account's":  f.asset(t, grace.ID, "profile_photo", storage.BucketProfilePhotos, ""),
		"of another type":    f.asset(t, user.ID, "selfie", storage.BucketUserAssets, ""),
		"that was never one": factory.ID(),
	} {
		id := &asset
		_, err := f.Update(t.Context(), user.ID, account.Change{Photo: &id}, here)
		requireFields(t, err, "/profile_photo_asset_id not_found")
		require.Empty(t, f.text(t, "select profile_photo_asset_id from users where id = $1", user.ID), name)
	}
}

func TestUpdate_409_usernameTaken(t *testing.T) {
	t.Parallel()
	f := setup(t)
	user, _ := f.member(t, "ada")
	f.member(t, "grace")
	taken, own := "GRACE", "ADA"
	_, err := f.Update(t.Context(), user.ID, account.Change{Username: &taken}, here)
	require.ErrorIs(t, err, auth.ErrUsernameTaken)
	_, err = f.Update(t.Context(), user.ID, account.Change{Username: &own}, here)
	require.NoError(t, err, "one may change the case of one's own")
}
