package assets_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/internal/platform/apperr"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// signupPhoto announces and sends a photo for a sign-up that has not happened yet.
func signupPhoto(t *testing.T, f *fixture, file []byte) (uuid.UUID, storage.Object) {
	t.Helper()
	ticket, err := f.CreateSignupUpload(t.Context(), "image/jpeg", int64(len(file)))
	require.NoError(t, err)
	require.NotEmpty(t, ticket.URL)
	return ticket.AssetID, f.send(t, ticket.AssetID, file)
}

// signUp creates an account as package auth does, with attach in its transaction.
func signUp(t *testing.T, f *fixture, id uuid.UUID, attach func(context.Context, *db.Queries) error, after error) error {
	t.Helper()
	return f.store.InTx(t.Context(), func(q *db.Queries) error {
		_, err := q.UserCreate(t.Context(), db.UserCreateParams{
			ID: id, Email: id.String() + "@example.com", Username: id.String()[:8] + id.String()[30:], FullName: "Ada",
			Dob: time.Date(1995, 12, 10, 0, 0, 0, 0, time.UTC), Now: f.now(),
		})
		return errors.Join(err, attach(t.Context(), q), after)
	})
}

func TestClaimSignupPhoto(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id, uploaded := signupPhoto(t, f, face(t))
	_, _, err := f.Complete(t.Context(), f.user.ID, id)
	require.ErrorIs(t, err, assets.ErrNotFound, "a photo without an owner is not every account's")

	// A sign-up that fails takes nothing.
	taken := errors.New("this address has an account")
	failed := factory.ID()
	attach, _, err := f.ClaimSignupPhoto(t.Context(), failed, id)
	require.NoError(t, err)
	require.ErrorIs(t, signUp(t, f, failed, attach, taken), taken)
	require.True(t, f.exists(t, uploaded))

	userID := factory.ID()
	attach, finish, err := f.ClaimSignupPhoto(t.Context(), userID, id)
	require.NoError(t, err)
	require.NoError(t, signUp(t, f, userID, attach, nil))
	f.requireWhole(t, false) // as a crash would leave it
	finish(t.Context())
	require.False(t, f.exists(t, uploaded))
	f.sweepLater(t) // what was drawn for the sign-up that failed
	f.requireWhole(t, true)

	user, err := f.store.Queries().UserGet(t.Context(), userID)
	require.NoError(t, err)
	require.Equal(t, &id, user.ProfilePhotoAssetID)
	photo, err := f.Get(t.Context(), userID, id)
	require.NoError(t, err)
	require.Regexp(t, "^"+userID.String()+"/profile_photo/", photo.StoragePath)
	require.Equal(t, map[storage.Object]bool{f.objectOf(t, id): true}, f.stored(t))

	_, _, err = f.ClaimSignupPhoto(t.Context(), factory.ID(), id)
	requireUnknownPhoto(t, err)
}

// Of two sign-ups with one photo the second has to do without.
func TestClaimSignupPhoto_twice(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id, _ := signupPhoto(t, f, face(t))
	first, second := factory.ID(), factory.ID()
	attachFirst, finish, err := f.ClaimSignupPhoto(t.Context(), first, id)
	require.NoError(t, err)
	attachSecond, _, err := f.ClaimSignupPhoto(t.Context(), second, id)
	require.NoError(t, err)
	require.NoError(t, signUp(t, f, first, attachFirst, nil))
	requireUnknownPhoto(t, signUp(t, f, second, attachSecond, nil))
	finish(t.Context())
	f.requireWhole(t, false)
	f.sweepLater(t)
	f.requireWhole(t, true)
}

func TestClaimSignupPhoto_fails(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, _, err := f.ClaimSignupPhoto(t.Context(), factory.ID(), factory.ID())
	requireUnknownPhoto(t, err)
	of, _ := f.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
	_, _, err = f.ClaimSignupPhoto(t.Context(), factory.ID(), of)
	requireUnknownPhoto(t, err) // it belongs to an account

	ticket, err := f.CreateSignupUpload(t.Context(), "image/jpeg", 9)
	require.NoError(t, err)
	_, _, err = f.ClaimSignupPhoto(t.Context(), factory.ID(), ticket.AssetID)
	require.ErrorIs(t, err, assets.ErrUploadMissing)

	bad, object := signupPhoto(t, f, face(t)[:1000])
	_, _, err = f.ClaimSignupPhoto(t.Context(), factory.ID(), bad)
	require.ErrorIs(t, err, inspect.ErrInvalidImage)
	require.False(t, f.exists(t, object))
	_, _, err = f.ClaimSignupPhoto(t.Context(), factory.ID(), bad)
	requireUnknownPhoto(t, err)

	late, _ := signupPhoto(t, f, face(t))
	f.advance(time.Hour + time.Second)
	_, _, err = f.ClaimSignupPhoto(t.Context(), factory.ID(), late)
	requireUnknownPhoto(t, err)
}

func requireUnknownPhoto(t *testing.T, err error) {
	t.Helper()
	failed := apperr.From(err)
	require.Equal(t, apperr.CodeValidationFailed, failed.Code, "%v", err)
	require.Len(t, failed.Fields, 1)
	require.Equal(t, "/profile_photo_asset_id", failed.Fields[0].Field)
}
