package handler_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/test/kit/apptest"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestUpdateMe_200(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	app := apptest.New(t, apptest.With("DEV_DIR", dir))
	account := app.SignUp(t)
	photo, path := factory.ID(), account.Session.User.ID.String()+"/profile_photo/a.png"
	put(t, dir, storage.Object{Bucket: storage.BucketProfilePhotos, Path: path})
	_, err := app.Store.Pool().Exec(t.Context(), `insert into assets
		(id, user_id, type, status, bucket, storage_path, content_type, size_bytes, width, height, md5)
		values ($1, $2, 'profile_photo', 'ready', $3, $4, 'image/png', 3, 1, 1, '9e107d9d372bb6826bd81d3542a419d6')`,
		photo, account.Session.User.ID, storage.BucketProfilePhotos, path)
	require.NoError(t, err)
	name := "Augusta Ada King"
	changed, err := account.UpdateMeWithResponse(t.Context(), client.UserUpdate{
		FullName: &name, ProfilePhotoAssetID: nullable.NewNullableWithValue(photo),
	})
	require.NoError(t, err)
	require.NotNil(t, changed.JSON200, "%s", changed.Body)
	require.Equal(t, name, changed.JSON200.FullName)
	require.Equal(t, photo, changed.JSON200.ProfilePhoto.MustGet().ID)
	download, err := app.HTTP.Get(changed.JSON200.ProfilePhoto.MustGet().URL)
	require.NoError(t, err)
	require.NoError(t, download.Body.Close())
	require.Equal(t, http.StatusOK, download.StatusCode)
	require.False(t, app.SignIn(t, account.Email).Session.User.ProfilePhoto.IsNull())

	bare, err := account.UpdateMeWithResponse(t.Context(), client.UserUpdate{
		ProfilePhotoAssetID: nullable.NewNullNullable[uuid.UUID](),
	})
	require.NoError(t, err)
	require.NotNil(t, bare.JSON200, "%s", bare.Body)
	require.True(t, bare.JSON200.ProfilePhoto.IsNull())
	require.Equal(t, name, bare.JSON200.FullName)
}

// put stores an object in the development storage of an application.
func put(t *testing.T, devDir string, object storage.Object) {
	t.Helper()
	disk, err := filesystem.New(filesystem.Config{
		Root: filepath.Join(devDir, "storage"), BaseURL: "http://127.0.0.1:1/", Key: make([]byte, filesystem.MinKeyBytes), Now: time.Now,
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, disk.Close()) }()
	require.NoError(t, disk.Put(t.Context(), object, "image/png", strings.NewReader("png"), 3))
}

func TestUpdateMe_400_photoNotFound(t *testing.T) {
	t.Parallel()
	account := apptest.New(t).SignUp(t)
	res, err := account.UpdateMeWithResponse(t.Context(), client.UserUpdate{
		ProfilePhotoAssetID: nullable.NewNullableWithValue(factory.ID()),
	})
	require.NoError(t, err)
	require.Equal(t, []string{"/profile_photo_asset_id not_found"}, fields(res.JSON400))
}

func TestUpdateMe_409_usernameTaken(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account, other := app.SignUp(t), app.SignUp(t)
	taken := strings.ToUpper(other.Session.User.Username)
	res, err := account.UpdateMeWithResponse(t.Context(), client.UserUpdate{Username: &taken})
	require.NoError(t, err)
	require.NotNil(t, res.JSON409, "%s", res.Body)
	require.Equal(t, client.ErrorCodeUsernameTaken, res.JSON409.Error.Code)
}

func TestDeleteMe_401(t *testing.T) {
	t.Parallel()
	account := apptest.New(t).SignUp(t)
	wrong, err := account.DeleteMeWithResponse(t.Context(), client.DeleteMeRequest{Password: "not the password"})
	require.NoError(t, err)
	require.NotNil(t, wrong.JSON401, "%s", wrong.Body)
	require.Equal(t, client.ErrorCodeInvalidCredentials, wrong.JSON401.Error.Code)
	me, err := account.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, me.JSON200, "the account is still there")
}

func TestDeleteMe_204(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	gone, err := account.DeleteMeWithResponse(t.Context(), client.DeleteMeRequest{Password: apptest.Password})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, gone.StatusCode(), "%s", gone.Body)
	me, err := account.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, me.JSON401)
	start, err := app.Client("").StartAuthWithResponse(t.Context(), client.EmailRequest{Email: account.Email})
	require.NoError(t, err)
	require.False(t, start.JSON200.Exists)
}

func TestExportMe_200(t *testing.T) {
	t.Parallel()
	account := apptest.New(t).SignUp(t)
	res, err := account.ExportMeWithResponse(t.Context())
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode(), "%s", res.Body)
	require.Equal(t, `attachment; filename="mugshot-export.json"`, res.HTTPResponse.Header.Get("Content-Disposition"))
	var document map[string]any
	require.NoError(t, json.Unmarshal(res.Body, &document))
	require.Equal(t, account.Email, document["account"].(map[string]any)["email"])
}
