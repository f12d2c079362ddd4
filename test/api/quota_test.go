package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// fill gives an account as many projects as its plan allows, and pictures that leave some bytes.
func fill(t *testing.T, app *apptest.App, account *apptest.Account, projects, bytesLeft int64) {
	t.Helper()
	user := account.Session.User.ID
	_, err := app.Store.Pool().Exec(t.Context(), `
		with prompt as (
			insert into prompts (id, project_id, headline)
			select gen_random_uuid() as id, gen_random_uuid() as project_id, 'x' from generate_series(1, $2) returning id, project_id
		)
		insert into projects (id, user_id, mode, platform, width, height, prompt_id)
		select project_id, $1, 'design', 'youtube', 1280, 720, id from prompt`, user, projects)
	require.NoError(t, err)
	_, err = app.Store.Pool().Exec(t.Context(), `
		insert into assets (id, user_id, type, bucket, storage_path, content_type, size_bytes, width, height, md5, status)
		values (gen_random_uuid(), $1, 'ref', 'user_assets', 'filled', 'image/png', $2, 8, 6, repeat('0', 32), 'ready')`,
		user, catalog.LimitsOf("free").StoredBytes-bytesLeft)
	require.NoError(t, err)
}

func TestCreateProject_409_quota(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	limits := catalog.LimitsOf("free")
	fill(t, app, ada, limits.Projects-1, 0)
	wish := client.ProjectCreate{Mode: client.ProjectModeDesign, Platform: client.PlatformIDX, Prompt: client.Prompt{Headline: "x"}}
	once := &client.CreateProjectParams{IdempotencyKey: new("the-last-one")}
	created, err := ada.CreateProjectWithResponse(t.Context(), once, wish)
	require.NoError(t, err)
	require.NotNil(t, created.JSON201, "%s", created.Body)
	refused, err := ada.CreateProjectWithResponse(t.Context(), nil, wish)
	require.NoError(t, err)
	require.NotNil(t, refused.JSON409, "%s", refused.Body)
	require.Equal(t, client.ErrorCodeQuotaExceeded, refused.JSON409.Error.Code)
	repeated, err := ada.CreateProjectWithResponse(t.Context(), once, wish)
	require.NoError(t, err)
	require.NotNil(t, repeated.JSON201, "a repeat gets its answer: %s", repeated.Body)
	require.Equal(t, created.JSON201.ID, repeated.JSON201.ID)
	others, err := app.SignUp(t).CreateProjectWithResponse(t.Context(), nil, wish)
	require.NoError(t, err)
	require.NotNil(t, others.JSON201, "another account has room of its own: %s", others.Body)

	gone, err := ada.DeleteProjectWithResponse(t.Context(), created.JSON201.ID)
	require.NoError(t, err)
	require.Equal(t, 204, gone.StatusCode())
	again, err := ada.CreateProjectWithResponse(t.Context(), nil, wish)
	require.NoError(t, err)
	require.NotNil(t, again.JSON201, "there is room again: %s", again.Body)

	_, err = app.Store.Pool().Exec(t.Context(), "update users set plan = 'pro' where id = $1", ada.Session.User.ID)
	require.NoError(t, err)
	more, err := ada.CreateProjectWithResponse(t.Context(), nil, wish)
	require.NoError(t, err)
	require.NotNil(t, more.JSON201, "%s", more.Body)
}

func TestCreateUpload_409_quota(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	fill(t, app, ada, 0, 1000)
	refused := announce(t, ada, 1001)
	require.NotNil(t, refused.JSON409, "%s", refused.Body)
	require.Equal(t, client.ErrorCodeQuotaExceeded, refused.JSON409.Error.Code)
	require.NotNil(t, announce(t, ada, 900).JSON201)
	require.NotNil(t, announce(t, ada, 101).JSON409, "what was announced counts")
	require.NotNil(t, announce(t, app.SignUp(t), 1001).JSON201, "another account has room of its own")
}

// announce asks for an upload of a size.
func announce(t *testing.T, account *apptest.Account, size int64) *client.CreateUploadResponse {
	t.Helper()
	answer, err := account.CreateUploadWithResponse(t.Context(), client.UploadRequest{
		Type: client.UploadTypeRef, ContentType: client.UploadContentTypeImagePng, SizeBytes: size,
	})
	require.NoError(t, err)
	return answer
}

// Small pictures are counted too, those that were drawn as well; what was rejected is gone, and a larger plan has more room.
func TestCreateUpload_409_quotaOfPictures(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	keep := func(n int64, kind client.AssetType, status string) {
		_, err := app.Store.Pool().Exec(t.Context(), `
			insert into assets (id, user_id, type, bucket, storage_path, content_type, size_bytes, width, height, md5, status)
			select id, $1, $2, 'user_assets', id::text, 'image/png', 1, 8, 6, repeat('0', 32), $3
			from (select gen_random_uuid() as id from generate_series(1, $4)) as made`, ada.Session.User.ID, string(kind), status, n)
		require.NoError(t, err)
	}
	keep(catalog.LimitsOf("free").Pictures-1, client.AssetTypeRender, "ready")
	keep(1, client.AssetTypeRef, "rejected")
	last := announce(t, ada, 1)
	require.NotNil(t, last.JSON201, "%s", last.Body)
	refused := announce(t, ada, 1)
	require.NotNil(t, refused.JSON409, "%s", refused.Body)
	require.Equal(t, client.ErrorCodeQuotaExceeded, refused.JSON409.Error.Code)
	_, err := app.Store.Pool().Exec(t.Context(), "update users set plan = 'pro' where id = $1", ada.Session.User.ID)
	require.NoError(t, err)
	more := announce(t, ada, 1)
	require.NotNil(t, more.JSON201, "%s", more.Body)
}

func TestGetMe_200_limitsAndUsage(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	ada := app.SignUp(t)
	limits := catalog.LimitsOf("free")
	fill(t, app, ada, 3, 1000)
	me, err := ada.GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, me.JSON200, "%s", me.Body)
	require.Equal(t, &client.AccountLimits{
		Projects: limits.Projects, Pictures: limits.Pictures, StoredBytes: limits.StoredBytes, RepliesPerDay: limits.RepliesPerDay,
	}, me.JSON200.Limits)
	require.Equal(t, &client.AccountUsage{Projects: 3, Pictures: 1, StoredBytes: limits.StoredBytes - 1000}, me.JSON200.Usage)
	require.Equal(t, ada.Email, me.JSON200.Email)
}
