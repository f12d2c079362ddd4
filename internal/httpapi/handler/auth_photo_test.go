package handler_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestCreateSignupPhotoUpload_429(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	file := faceJPEG(t)
	for i := 0; ; i++ {
		require.LessOrEqual(t, i, 100, "is limited tightly")
		res, err := app.Client("").CreateSignupPhotoUploadWithResponse(t.Context(), client.SignupPhotoUploadRequest{
			ContentType: client.UploadContentTypeImageJpeg, SizeBytes: int64(len(file)),
		})
		require.NoError(t, err)
		if res.JSON429 != nil {
			require.Positive(t, i)
			return
		}
		require.NotNil(t, res.JSON201, "%s", res.Body)
		if i == 0 {
			send(t, app, res.JSON201, file)
		}
	}
}

func TestSignUp_201_withAPhoto(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	stranger, file := app.Client(""), faceJPEG(t)
	signed, err := stranger.CreateSignupPhotoUploadWithResponse(t.Context(), client.SignupPhotoUploadRequest{
		ContentType: client.UploadContentTypeImageJpeg, SizeBytes: int64(len(file)),
	})
	require.NoError(t, err)
	require.NotNil(t, signed.JSON201, "%s", signed.Body)
	signUp := apptest.NewAccount()
	signUp.ProfilePhotoAssetID = &signed.JSON201.AssetID
	early, err := stranger.SignUpWithResponse(t.Context(), signUp)
	require.NoError(t, err)
	require.NotNil(t, early.JSON400, "%s", early.Body)
	require.Equal(t, client.ErrorCodeUploadMissing, early.JSON400.Error.Code)

	send(t, app, signed.JSON201, file)
	created, err := stranger.SignUpWithResponse(t.Context(), signUp)
	require.NoError(t, err)
	require.NotNil(t, created.JSON201, "%s", created.Body)
	_, err = app.Store.Queries().UserConfirmEmail(t.Context(), db.UserConfirmEmailParams{
		ID: created.JSON201.UserID, Now: app.Clock.Now(),
	})
	require.NoError(t, err)
	account := app.SignIn(t, signUp.Email)
	photo := account.Session.User.ProfilePhoto.MustGet()
	require.Equal(t, signed.JSON201.AssetID, photo.ID)
	require.Contains(t, photo.StoragePath, created.JSON201.UserID.String()+"/profile_photo/")
	download, err := app.HTTP.Get(photo.URL)
	require.NoError(t, err)
	require.NoError(t, download.Body.Close())
	require.Equal(t, http.StatusOK, download.StatusCode)

	another := apptest.NewAccount()
	another.ProfilePhotoAssetID = &signed.JSON201.AssetID
	twice, err := stranger.SignUpWithResponse(t.Context(), another)
	require.NoError(t, err)
	require.NotNil(t, twice.JSON400, "%s", twice.Body)
	require.Equal(t, "/profile_photo_asset_id", twice.JSON400.Error.Details.Fields[0].Field)
}
