package handler_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"os"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/api"
	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/assets/inspect"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// faceJPEG is a photograph of one face.
func faceJPEG(t *testing.T) []byte {
	t.Helper()
	b, err := os.ReadFile("../../assets/inspect/testdata/face.jpg")
	require.NoError(t, err)
	return b
}

// smallPNG is good for a reference and shows no person.
func smallPNG(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 9))))
	return b.Bytes()
}

// send makes the request that a SignedUpload describes.
func send(t *testing.T, app *apptest.App, signed *client.SignedUpload, file []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, bytes.NewReader(file))
	require.NoError(t, err)
	for name, value := range signed.Headers {
		r.Header.Set(name, value)
	}
	res, err := app.HTTP.Do(r)
	require.NoError(t, err)
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Less(t, res.StatusCode, 300, "%s", body)
}

// announce creates an upload.
func announce(
	t *testing.T, account *apptest.Account, kind client.UploadType, contentType client.UploadContentType, file []byte,
) *client.SignedUpload {
	t.Helper()
	res, err := account.CreateUploadWithResponse(t.Context(), client.UploadRequest{
		Type: kind, ContentType: contentType, SizeBytes: int64(len(file)),
	})
	require.NoError(t, err)
	require.NotNil(t, res.JSON201, "%s", res.Body)
	return res.JSON201
}

// upload goes all three steps.
func upload(
	t *testing.T, app *apptest.App, account *apptest.Account, kind client.UploadType, contentType client.UploadContentType, file []byte,
) client.Asset {
	t.Helper()
	signed := announce(t, account, kind, contentType, file)
	send(t, app, signed, file)
	done, err := account.CompleteUploadWithResponse(t.Context(), signed.AssetID)
	require.NoError(t, err)
	require.NotNil(t, done.JSON201, "%s", done.Body)
	return *done.JSON201
}

func TestCompleteUpload_201_profilePhoto(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	photo := upload(t, app, account, client.UploadTypeProfilePhoto, client.UploadContentTypeImageJpeg, faceJPEG(t))
	require.Equal(t, client.AssetTypeProfilePhoto, photo.Type)
	require.EqualValues(t, 480, photo.Width)

	again, err := account.CompleteUploadWithResponse(t.Context(), photo.ID)
	require.NoError(t, err)
	require.NotNil(t, again.JSON200, "%s", again.Body)
	require.Equal(t, photo.Md5, again.JSON200.Md5)

	me, err := account.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.Equal(t, photo.ID, me.JSON200.ProfilePhoto.MustGet().ID)
	download, err := app.HTTP.Get(me.JSON200.ProfilePhoto.MustGet().URL)
	require.NoError(t, err)
	body, err := io.ReadAll(download.Body)
	require.NoError(t, err)
	require.NoError(t, download.Body.Close())
	require.Len(t, body, int(photo.SizeBytes))
}

func TestCompleteUpload_400(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	signed := announce(t, account, client.UploadTypeSelfie, client.UploadContentTypeImagePng, smallPNG(t))
	refused := func(id uuid.UUID) client.APIError {
		res, err := account.CompleteUploadWithResponse(t.Context(), id)
		require.NoError(t, err)
		require.NotNil(t, res.JSON400, "%s", res.Body)
		return res.JSON400.Error
	}
	require.Equal(t, client.ErrorCodeUploadMissing, refused(signed.AssetID).Code)
	send(t, app, signed, smallPNG(t))
	for range 2 {
		problem := refused(signed.AssetID)
		require.Equal(t, client.ErrorCodeFaceCheckFailed, problem.Code)
		require.Equal(t, client.PictureRefusalNoFace, *problem.Details.Reason)
	}
	broken := announce(t, account, client.UploadTypeRef, client.UploadContentTypeImageWebp, smallPNG(t))
	send(t, app, broken, smallPNG(t))
	problem := refused(broken.AssetID)
	require.Equal(t, client.ErrorCodeInvalidImage, problem.Code)
	require.Equal(t, client.PictureRefusalTypeMismatch, *problem.Details.Reason)
}

func TestCreateUpload_400(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	for body, want := range map[string]string{
		`{"type":"render","content_type":"image/png","size_bytes":1}`:       "/type",
		`{"type":"selfie","content_type":"image/gif","size_bytes":1}`:       "/content_type",
		`{"type":"selfie","content_type":"image/png","size_bytes":0}`:       "/size_bytes",
		`{"type":"selfie","content_type":"image/png","size_bytes":8388609}`: "/size_bytes",
	} {
		answer := app.Do(t, http.MethodPost, apptest.BasePath+"/assets/uploads", body,
			"Authorization", "Bearer "+account.Session.SessionToken, "Content-Type", "application/json")
		problem := answer.Problem(t, http.StatusBadRequest, client.ErrorCodeValidationFailed)
		require.Len(t, problem.Details.Fields, 1)
		require.Equal(t, want, problem.Details.Fields[0].Field)
	}
}

func TestListAssets_200_pageByPage(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	var newestFirst []uuid.UUID
	for i := range 5 {
		kind := client.UploadTypeRef
		if i == 2 {
			kind = client.UploadTypeCopyTarget
		}
		asset := upload(t, app, account, kind, client.UploadContentTypeImagePng, smallPNG(t))
		newestFirst = append([]uuid.UUID{asset.ID}, newestFirst...)
	}
	var got []uuid.UUID
	var cursor *string
	for page := 0; page == 0 || cursor != nil; page++ {
		limit := int64(2)
		res, err := account.ListAssetsWithResponse(t.Context(), &client.ListAssetsParams{Limit: &limit, Cursor: cursor})
		require.NoError(t, err)
		require.NotNil(t, res.JSON200, "%s", res.Body)
		for _, a := range res.JSON200.Items {
			require.NotEmpty(t, a.URL)
			got = append(got, a.ID)
		}
		cursor = nil
		if !res.JSON200.NextCursor.IsNull() {
			next := res.JSON200.NextCursor.MustGet()
			cursor = &next
		}
	}
	require.Equal(t, newestFirst, got)

	kind := client.AssetTypeCopyTarget
	res, err := account.ListAssetsWithResponse(t.Context(), &client.ListAssetsParams{Type: &kind})
	require.NoError(t, err)
	require.Len(t, res.JSON200.Items, 1)
	require.Equal(t, newestFirst[2], res.JSON200.Items[0].ID)
}

func TestListAssets_400_invalidCursor(t *testing.T) {
	t.Parallel()
	account := apptest.New(t).SignUp(t)
	broken := "bm9uc2Vuc2U"
	bad, err := account.ListAssetsWithResponse(t.Context(), &client.ListAssetsParams{Cursor: &broken})
	require.NoError(t, err)
	require.Equal(t, client.ErrorCodeInvalidCursor, bad.JSON400.Error.Code)
}

func TestAsset_isHiddenFromOtherAccounts(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account, stranger := app.SignUp(t), app.SignUp(t)
	asset := upload(t, app, account, client.UploadTypeRef, client.UploadContentTypeImagePng, smallPNG(t))
	theirs, err := stranger.GetAssetWithResponse(t.Context(), asset.ID)
	require.NoError(t, err)
	require.NotNil(t, theirs.JSON404)
	notTheirs, err := stranger.DeleteAssetWithResponse(t.Context(), asset.ID)
	require.NoError(t, err)
	require.NotNil(t, notTheirs.JSON404)
	norTo, err := stranger.CompleteUploadWithResponse(t.Context(), asset.ID)
	require.NoError(t, err)
	require.NotNil(t, norTo.JSON404)

	mine, err := account.GetAssetWithResponse(t.Context(), asset.ID)
	require.NoError(t, err)
	require.Equal(t, asset.Md5, mine.JSON200.Md5)
	gone, err := account.DeleteAssetWithResponse(t.Context(), asset.ID)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, gone.StatusCode(), "%s", gone.Body)
	mine, err = account.GetAssetWithResponse(t.Context(), asset.ID)
	require.NoError(t, err)
	require.NotNil(t, mine.JSON404)
}

func TestDeleteAsset_409_inUse(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	account := app.SignUp(t)
	app.Grant(t, account.Email, 5)
	asset := upload(t, app, account, client.UploadTypeRef, client.UploadContentTypeImagePng, smallPNG(t))
	project, err := account.CreateProjectWithResponse(t.Context(), nil, client.ProjectCreate{
		Mode: client.ProjectModeDesign, Platform: client.PlatformIDYoutube,
		Prompt: client.Prompt{Headline: "I built a robot", RefAssetIds: []uuid.UUID{asset.ID}},
	})
	require.NoError(t, err)
	require.NotNil(t, project.JSON201, "%s", project.Body)
	queued, err := account.QueueProjectWithResponse(t.Context(), project.JSON201.ID, nil, client.QueueRequest{
		Quality: client.QualityDraft, Variants: 1,
	})
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)
	kept, err := account.DeleteAssetWithResponse(t.Context(), asset.ID)
	require.NoError(t, err)
	require.NotNil(t, kept.JSON409, "%s", kept.Body)
	require.Equal(t, client.ErrorCodeAssetInUse, kept.JSON409.Error.Code)
	_, err = account.CancelJobWithResponse(t.Context(), queued.JSON201.JobID)
	require.NoError(t, err)
	gone, err := account.DeleteAssetWithResponse(t.Context(), asset.ID)
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, gone.StatusCode(), "%s", gone.Body)
}

// TestSpec_hasTheReasonsOfInspect holds the enum of the spec and package inspect together, in both directions.
func TestSpec_hasTheReasonsOfInspect(t *testing.T) {
	t.Parallel()
	doc, err := api.GetSpec()
	require.NoError(t, err)
	inSpec, inCode := []string{}, []string{}
	for _, v := range doc.Components.Schemas["PictureRefusal"].Value.Enum {
		inSpec = append(inSpec, fmt.Sprint(v))
	}
	for _, r := range inspect.Reasons() {
		inCode = append(inCode, string(r))
	}
	require.ElementsMatch(t, inCode, inSpec)
}
