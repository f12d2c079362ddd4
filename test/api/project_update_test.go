package api_test

import (
	"sync"
	"testing"

	"github.com/oapi-codegen/nullable"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestUpdateProject_200(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	wish := draft()
	wish.Seed, wish.ModelPref = new(int64(7)), new(client.ModelIDSeedream)
	project := createProject(t, who, wish)
	res, err := who.UpdateProjectWithResponse(t.Context(), project.ID, &client.UpdateProjectParams{IfMatch: new(`"1"`)}, client.ProjectUpdate{
		Platform: new(client.PlatformIDX), Seed: nullable.NewNullNullable[int64](), Prompt: &client.Prompt{Headline: "Another"},
	})
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	require.Equal(t, `"2"`, res.Headers200.ETag)
	got := *res.JSON200
	require.EqualValues(t, 2, got.Version)
	require.Equal(t, []int64{1600, 900}, []int64{got.Width, got.Height}, "a new platform brings its size")
	require.True(t, got.Seed.IsNull(), "null clears")
	require.Equal(t, client.ModelPreferenceSeedream, got.ModelPref.MustGet(), "what is not given stays")
	require.Equal(t, "Another", got.Prompt.Headline)
	require.True(t, got.UpdatedAt.After(project.UpdatedAt))

	read, err := who.GetProjectWithResponse(t.Context(), project.ID)
	require.NoError(t, err)
	require.Equal(t, res.JSON200, read.JSON200)
	require.Equal(t, `"2"`, read.Headers200.ETag)
}

func TestUpdateProject_200_unconditional(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	project := createProject(t, who, draft())
	for _, ifMatch := range []*string{nil, new("*")} {
		res, err := who.UpdateProjectWithResponse(t.Context(), project.ID, &client.UpdateProjectParams{IfMatch: ifMatch},
			client.ProjectUpdate{Width: new(int64(1920))})
		require.NoError(t, err)
		require.NotNil(t, res.JSON200, "%s", res.Body)
	}
}

func TestUpdateProject_409_versionConflict(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	project := createProject(t, who, draft())
	update := func(ifMatch string, width int64) *client.UpdateProjectResponse {
		res, err := who.UpdateProjectWithResponse(t.Context(), project.ID, &client.UpdateProjectParams{IfMatch: &ifMatch},
			client.ProjectUpdate{Width: &width})
		require.NoError(t, err)
		return res
	}
	require.NotNil(t, update(`"1"`, 1000).JSON200)
	for _, stale := range []string{`"1"`, `"3"`, `"another tag"`, `""`} {
		res := update(stale, 2000)
		refused(t, res.JSON409, res.Body, client.ErrorCodeVersionConflict)
	}
	read, err := who.GetProjectWithResponse(t.Context(), project.ID)
	require.NoError(t, err)
	require.EqualValues(t, 1000, read.JSON200.Width)
}

func TestUpdateProject_409_allButOneAtOnce(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	project := createProject(t, who, draft())
	statuses := make(chan int, 10)
	var calls sync.WaitGroup
	for i := range cap(statuses) {
		calls.Go(func() {
			res, err := who.UpdateProjectWithResponse(t.Context(), project.ID, &client.UpdateProjectParams{IfMatch: new(`"1"`)},
				client.ProjectUpdate{Width: new(int64(1000 + i))})
			if err != nil {
				t.Error(err)
				return
			}
			statuses <- res.StatusCode()
		})
	}
	calls.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	require.Equal(t, map[int]int{200: 1, 409: 9}, count)
}

func TestUpdateProject_400(t *testing.T) {
	t.Parallel()
	who := apptest.New(t).SignUp(t)
	project := createProject(t, who, draft())
	for name, c := range map[string]struct {
		ifMatch *string
		body    client.ProjectUpdate
		want    string
	}{
		"nothing to change":   {want: "body : min_properties"},
		"no entity tag":       {ifMatch: new("1"), body: client.ProjectUpdate{Width: new(int64(1000))}, want: "header If-Match: format"},
		"copy without target": {body: client.ProjectUpdate{Mode: new(client.ProjectModeCopy)}, want: "body /prompt/copy_target_asset_id: required"},
		"too wide":            {body: client.ProjectUpdate{Width: new(int64(3841))}, want: "body /width: maximum"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := who.UpdateProjectWithResponse(t.Context(), project.ID, &client.UpdateProjectParams{IfMatch: c.ifMatch}, c.body)
			require.NoError(t, err)
			require.Equal(t, []string{c.want}, fields(t, refused(t, res.JSON400, res.Body, client.ErrorCodeValidationFailed)))
		})
	}
}

func TestUpdateProject_404(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	others := createProject(t, app.SignUp(t), draft())
	res, err := app.SignUp(t).UpdateProjectWithResponse(t.Context(), others.ID, nil, client.ProjectUpdate{Width: new(int64(1000))})
	require.NoError(t, err)
	refused(t, res.JSON404, res.Body, client.ErrorCodeNotFound)
}
