package api_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestCreateProject_201(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	res, err := who.CreateProjectWithResponse(t.Context(), nil, draft())
	require.NoError(t, err)
	require.NotNil(t, res.JSON201, "%s", res.Body)
	require.Equal(t, `"1"`, res.Headers201.ETag)
	require.Nil(t, res.Headers201.IdempotentReplayed)
	project := *res.JSON201
	require.Equal(t, []int64{1280, 720}, []int64{project.Width, project.Height}, "the platform's size")
	require.Equal(t, client.ProjectStatusDraft, project.Status)
	require.True(t, project.Seed.IsNull())
	require.True(t, project.ModelPref.IsNull())
	require.Equal(t, []uuid.UUID{}, project.Prompt.RefAssetIds)

	read, err := who.GetProjectWithResponse(t.Context(), project.ID)
	require.NoError(t, err)
	require.Equal(t, &project, read.JSON200, "what was answered is what is kept")
}

func TestCreateProject_201_everythingGiven(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	const headline = "Grüße, \u4e16\u754c 👋"
	selfie, target := app.Picture(t, who, client.AssetTypeSelfie), app.Picture(t, who, client.AssetTypeCopyTarget)
	refs := []uuid.UUID{app.Picture(t, who, client.AssetTypeRef), app.Picture(t, who, client.AssetTypeRef)}
	project := createProject(t, who, client.ProjectCreate{
		Mode: client.ProjectModeCopy, Platform: client.PlatformIDTiktok, Width: new(int64(900)), Height: new(int64(1600)),
		ModelPref: new(client.ModelIDSeedream), Seed: new(int64(0)),
		Prompt: client.Prompt{
			Headline: headline, Subtext: new("in 24 hours"), Vibe: new("neon"), Details: new("two\nlines"),
			RefAssetIds: refs, SelfieAssetID: &selfie, CopyTargetAssetID: &target,
		},
	})
	require.Equal(t, []int64{900, 1600}, []int64{project.Width, project.Height})
	require.Equal(t, client.ModelPreferenceSeedream, project.ModelPref.MustGet())
	require.Zero(t, project.Seed.MustGet(), "0 is a seed")
	require.Equal(t, client.ProjectPrompt{
		Headline: headline, Subtext: new("in 24 hours"), Vibe: new("neon"), Details: new("two\nlines"),
		RefAssetIds: refs, SelfieAssetID: &selfie, CopyTargetAssetID: &target,
	}, project.Prompt)
}

func TestCreateProject_201_replayed(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	params := &client.CreateProjectParams{IdempotencyKey: new("once")}
	first, err := who.CreateProjectWithResponse(t.Context(), params, draft())
	require.NoError(t, err)
	second, err := who.CreateProjectWithResponse(t.Context(), params, draft())
	require.NoError(t, err)
	require.NotNil(t, second.JSON201, "%s", second.Body)
	require.Nil(t, first.Headers201.IdempotentReplayed)
	require.Equal(t, new("true"), second.Headers201.IdempotentReplayed)
	require.Equal(t, string(first.Body), string(second.Body))
	require.Len(t, listProjects(t, who, nil), 1)
}

func TestCreateProject_201_sameKeyAtOnce(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	other := apptest.New(t, apptest.Beside(app))
	who := app.SignUp(t)
	bodies := make(chan string, 10)
	var calls sync.WaitGroup
	for i := range cap(bodies) {
		c := []*apptest.App{app, other}[i%2].Client(who.Session.SessionToken)
		calls.Go(func() {
			res, err := c.CreateProjectWithResponse(t.Context(), &client.CreateProjectParams{IdempotencyKey: new("once")}, draft())
			if err != nil || res.JSON201 == nil {
				t.Errorf("not created: %v", err)
				return
			}
			bodies <- string(res.Body)
		})
	}
	calls.Wait()
	close(bodies)
	first := <-bodies
	for body := range bodies {
		require.Equal(t, first, body)
	}
	require.Len(t, listProjects(t, who, nil), 1)
}

func TestCreateProject_409_idempotencyConflict(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	params := &client.CreateProjectParams{IdempotencyKey: new("once")}
	_, err := who.CreateProjectWithResponse(t.Context(), params, draft())
	require.NoError(t, err)
	another := draft()
	another.Prompt.Headline = "Something else"
	res, err := who.CreateProjectWithResponse(t.Context(), params, another)
	require.NoError(t, err)
	refused(t, res.JSON409, res.Body, client.ErrorCodeIdempotencyConflict)
}

func TestCreateProject_400_copyWithoutTarget(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	wish := draft()
	wish.Mode = client.ProjectModeCopy
	res, err := who.CreateProjectWithResponse(t.Context(), nil, wish)
	require.NoError(t, err)
	problem := refused(t, res.JSON400, res.Body, client.ErrorCodeValidationFailed)
	require.Equal(t, []string{"body /prompt/copy_target_asset_id: required"}, fields(t, problem))
}

func TestCreateProject_400_pictures(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	others, mine := app.Picture(t, app.SignUp(t), client.AssetTypeRef), app.Picture(t, who, client.AssetTypeRef)
	wish := draft()
	wish.Prompt.RefAssetIds = []uuid.UUID{mine, others, uuid.New()}
	wish.Prompt.SelfieAssetID = &mine // not a selfie
	res, err := who.CreateProjectWithResponse(t.Context(), nil, wish)
	require.NoError(t, err)
	problem := refused(t, res.JSON400, res.Body, client.ErrorCodeValidationFailed)
	require.Equal(t, []string{
		"body /prompt/ref_asset_ids/1: not_found", "body /prompt/ref_asset_ids/2: not_found", "body /prompt/selfie_asset_id: not_found",
	}, fields(t, problem))
}

func TestCreateProject_400_everyFieldAtOnce(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	res, err := who.CreateProjectWithResponse(t.Context(), &client.CreateProjectParams{IdempotencyKey: new("with space")},
		client.ProjectCreate{Mode: "x", Platform: "y", Width: new(int64(0)), Prompt: client.Prompt{Headline: " "}})
	require.NoError(t, err)
	problem := refused(t, res.JSON400, res.Body, client.ErrorCodeValidationFailed)
	require.Equal(t, []string{
		"header Idempotency-Key: pattern", "body /mode: enum", "body /platform: enum", "body /prompt/headline: pattern", "body /width: minimum",
	}, fields(t, problem))
}

func listProjects(t testing.TB, who *apptest.Account, params *client.ListProjectsParams) []client.Project {
	t.Helper()
	if params == nil {
		params = &client.ListProjectsParams{}
	}
	res, err := who.ListProjectsWithResponse(t.Context(), params)
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	return res.JSON200.Items
}

func TestListProjects_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	require.Empty(t, listProjects(t, who, nil))
	createProject(t, app.SignUp(t), draft()) // of another account
	first, second := createProject(t, who, draft()), createProject(t, who, draft())
	require.Equal(t, []client.Project{second, first}, listProjects(t, who, nil), "newest first")

	app.Grant(t, who.Email, 1)
	queueProject(t, who, first.ID)
	queued := listProjects(t, who, &client.ListProjectsParams{Status: new(client.ProjectStatusQueued)})
	require.Len(t, queued, 1)
	require.Equal(t, first.ID, queued[0].ID)
}

func TestListProjects_200_pages(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	var want []uuid.UUID
	for range 7 {
		want = append(want, createProject(t, who, draft()).ID)
	}
	slices.Reverse(want)
	var got []uuid.UUID
	params := &client.ListProjectsParams{Limit: new(int64(3))}
	for {
		res, err := who.ListProjectsWithResponse(t.Context(), params)
		require.NoError(t, err)
		require.NotNil(t, res.JSON200, "%s", res.Body)
		for _, p := range res.JSON200.Items {
			got = append(got, p.ID)
		}
		if res.JSON200.NextCursor.IsNull() {
			break
		}
		params.Cursor = new(res.JSON200.NextCursor.MustGet())
		createProject(t, who, draft()) // what comes meanwhile neither repeats nor hides anything
	}
	require.Equal(t, want, got)
}

func TestGetProject_404(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	others := createProject(t, app.SignUp(t), draft())
	var bodies []string
	for _, id := range []uuid.UUID{others.ID, uuid.New()} {
		res, err := who.GetProjectWithResponse(t.Context(), id)
		require.NoError(t, err)
		refused(t, res.JSON404, res.Body, client.ErrorCodeNotFound)
		bodies = append(bodies, string(res.Body))
	}
	require.Equal(t, bodies[0], bodies[1], "another account's project and none at all look the same")
}

func TestDeleteProject_204(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, job := queuedJob(t, app, 5)
	projectID := getJob(t, who, job.JobID).ProjectID
	require.EqualValues(t, 4, balance(t, who))
	gone, err := who.DeleteProjectWithResponse(t.Context(), projectID)
	require.NoError(t, err)
	require.Equal(t, 204, gone.StatusCode(), "%s", gone.Body)
	require.EqualValues(t, 5, balance(t, who), "an unfinished job's credits come back")
	require.Empty(t, listProjects(t, who, nil))

	again, err := who.DeleteProjectWithResponse(t.Context(), projectID)
	require.NoError(t, err)
	refused(t, again.JSON404, again.Body, client.ErrorCodeNotFound)
}

func TestDeleteProject_404(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	owner := app.SignUp(t)
	project := createProject(t, owner, draft())
	res, err := app.SignUp(t).DeleteProjectWithResponse(t.Context(), project.ID)
	require.NoError(t, err)
	refused(t, res.JSON404, res.Body, client.ErrorCodeNotFound)
	require.Len(t, listProjects(t, owner, nil), 1)
}
