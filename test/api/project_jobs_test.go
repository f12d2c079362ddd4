package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestListProjectJobs_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who := app.SignUp(t)
	app.Grant(t, who.Email, 5)
	project := createProject(t, who, draft())
	queueProject(t, who, createProject(t, who, draft()).ID) // of another project
	older, newer := queueProject(t, who, project.ID), queueProject(t, who, project.ID)
	first, err := who.ListProjectJobsWithResponse(t.Context(), project.ID, &client.ListProjectJobsParams{Limit: new(int64(1))})
	require.NoError(t, err)
	require.NotNil(t, first.JSON200, "%s", first.Body)
	require.Equal(t, []client.Job{getJob(t, who, newer.JobID)}, first.JSON200.Items)
	second, err := who.ListProjectJobsWithResponse(t.Context(), project.ID,
		&client.ListProjectJobsParams{Cursor: new(first.JSON200.NextCursor.MustGet())})
	require.NoError(t, err)
	require.Equal(t, []client.Job{getJob(t, who, older.JobID)}, second.JSON200.Items)
	require.True(t, second.JSON200.NextCursor.IsNull())
}

func TestListProjectJobs_404(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	project := createProject(t, app.SignUp(t), draft())
	res, err := app.SignUp(t).ListProjectJobsWithResponse(t.Context(), project.ID, nil)
	require.NoError(t, err)
	refused(t, res.JSON404, res.Body, client.ErrorCodeNotFound)
}
