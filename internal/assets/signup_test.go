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

// signupPhoto announces and sends a photo for nobody yet.
func signupPhoto(t *testing.T, w *world, file []byte) (uuid.UUID, storage.Object) {
	t.Helper()
	ticket, err := w.CreateSignupUpload(t.Context(), "image/jpeg", int64(len(file)))
	require.NoError(t, err)
	require.NotEmpty(t, ticket.URL)
	return ticket.AssetID, w.send(t, ticket.AssetID, file)
}

// signUp creates an account as package auth does, with attach in its transaction.
func signUp(t *testing.T, w *world, id uuid.UUID, attach func(context.Context, *db.Queries) error, after error) error {
	t.Helper()
	return w.store.InTx(t.Context(), func(q *db.Queries) error {
		_, err := q.UserCreate(t.Context(), db.UserCreateParams{
			ID: id, Email: id.String() + "@example.com", Username: id.String()[:8] + id.String()[30:], FullName: "Ada",
			Dob: time.Date(1995, 12, 10, 0, 0, 0, 0, time.UTC), Now: w.now(),
		})
		return errors.Join(err, attach(t.Context(), q), after)
	})
}

func TestClaimSignupPhoto(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, uploaded := signupPhoto(t, w, face(t))
	_, _, err := w.Complete(t.Context(), w.user.ID, id)
	require.ErrorIs(t, err, assets.ErrNotFound, "nobody's is not anybody's")

	// A sign-up that fails takes nothing.
	taken := errors.New("this address has an account")
	failed := factory.ID()
	attach, _, err := w.ClaimSignupPhoto(t.Context(), failed, id)
	require.NoError(t, err)
	require.ErrorIs(t, signUp(t, w, failed, attach, taken), taken)
	require.True(t, w.exists(t, uploaded))

	userID := factory.ID()
	attach, finish, err := w.ClaimSignupPhoto(t.Context(), userID, id)
	require.NoError(t, err)
	require.NoError(t, signUp(t, w, userID, attach, nil))
	w.requireWhole(t, false) // as a crash would leave it
	finish(t.Context())
	require.False(t, w.exists(t, uploaded))
	w.sweepLater(t) // what was drawn for the sign-up that failed
	w.requireWhole(t, true)

	user, err := w.store.Queries().UserGet(t.Context(), userID)
	require.NoError(t, err)
	require.Equal(t, &id, user.ProfilePhotoAssetID)
	photo, err := w.Get(t.Context(), userID, id)
	require.NoError(t, err)
	require.Regexp(t, "^"+userID.String()+"/profile_photo/", photo.StoragePath)
	require.Equal(t, map[storage.Object]bool{w.objectOf(t, id): true}, w.stored(t))

	_, _, err = w.ClaimSignupPhoto(t.Context(), factory.ID(), id)
	requireUnknownPhoto(t, err)
}

// Of two sign-ups with one photo the second has to do without.
func TestClaimSignupPhoto_twice(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id, _ := signupPhoto(t, w, face(t))
	first, second := factory.ID(), factory.ID()
	attachFirst, finish, err := w.ClaimSignupPhoto(t.Context(), first, id)
	require.NoError(t, err)
	attachSecond, _, err := w.ClaimSignupPhoto(t.Context(), second, id)
	require.NoError(t, err)
	require.NoError(t, signUp(t, w, first, attachFirst, nil))
	requireUnknownPhoto(t, signUp(t, w, second, attachSecond, nil))
	finish(t.Context())
	w.requireWhole(t, false)
	w.sweepLater(t)
	w.requireWhole(t, true)
}

func TestClaimSignupPhoto_fails(t *testing.T) {
	t.Parallel()
	w := setup(t)
	_, _, err := w.ClaimSignupPhoto(t.Context(), factory.ID(), factory.ID())
	requireUnknownPhoto(t, err)
	of, _ := w.upload(t, assets.ProfilePhoto, "image/jpeg", face(t))
	_, _, err = w.ClaimSignupPhoto(t.Context(), factory.ID(), of)
	requireUnknownPhoto(t, err) // somebody's own

	ticket, err := w.CreateSignupUpload(t.Context(), "image/jpeg", 9)
	require.NoError(t, err)
	_, _, err = w.ClaimSignupPhoto(t.Context(), factory.ID(), ticket.AssetID)
	require.ErrorIs(t, err, assets.ErrUploadMissing)

	bad, object := signupPhoto(t, w, face(t)[:1000])
	_, _, err = w.ClaimSignupPhoto(t.Context(), factory.ID(), bad)
	require.ErrorIs(t, err, inspect.ErrInvalidImage)
	require.False(t, w.exists(t, object))
	_, _, err = w.ClaimSignupPhoto(t.Context(), factory.ID(), bad)
	requireUnknownPhoto(t, err)

	late, _ := signupPhoto(t, w, face(t))
	w.advance(time.Hour + time.Second)
	_, _, err = w.ClaimSignupPhoto(t.Context(), factory.ID(), late)
	requireUnknownPhoto(t, err)
}

func requireUnknownPhoto(t *testing.T, err error) {
	t.Helper()
	failed := apperr.From(err)
	require.Equal(t, apperr.CodeValidationFailed, failed.Code, "%v", err)
	require.Len(t, failed.Fields, 1)
	require.Equal(t, "/profile_photo_asset_id", failed.Fields[0].Field)
}
