package api_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func TestGetJob_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, queued := queuedJob(t, app, 3)
	job := getJob(t, who, queued.JobID)
	require.Equal(t, client.JobStatusQueued, job.Status)
	require.Equal(t, client.ModelIDNanoBanana, job.Model, "the default")
	require.Equal(t, []client.Render{}, job.Renders)
	require.Equal(t, []int64{0, 0, 1}, []int64{job.Progress, job.Attempt, job.Version})
	require.True(t, job.Error.IsNull() && job.ProviderMeta.IsNull() && job.StartedAt.IsNull() && job.FinishedAt.IsNull())
}

func TestGetJob_404_ofAnotherAccount(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	_, queued := queuedJob(t, app, 3)
	stranger := app.SignUp(t)
	for _, id := range []uuid.UUID{queued.JobID, uuid.New()} {
		res, err := stranger.GetJobWithResponse(t.Context(), id)
		require.NoError(t, err)
		refused(t, res.JSON404, res.Body, client.ErrorCodeNotFound)
	}
}

func TestListJobs_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, first := queuedJob(t, app, 5)
	queuedJob(t, app, 5) // of another account
	second := queueProject(t, who, createProject(t, who, draft()).ID)
	_, err := who.CancelJobWithResponse(t.Context(), first.JobID)
	require.NoError(t, err)
	list := func(params client.ListJobsParams) []uuid.UUID {
		res, err := who.ListJobsWithResponse(t.Context(), &params)
		require.NoError(t, err)
		require.NotNil(t, res.JSON200, "%s", res.Body)
		ids := []uuid.UUID{}
		for _, job := range res.JSON200.Items {
			ids = append(ids, job.ID)
		}
		return ids
	}
	require.Equal(t, []uuid.UUID{second.JobID, first.JobID}, list(client.ListJobsParams{}), "newest first")
	require.Equal(t, []uuid.UUID{first.JobID}, list(client.ListJobsParams{Status: new(client.JobStatusCanceled)}))
	require.Empty(t, list(client.ListJobsParams{Status: new(client.JobStatusSucceeded)}))
}

func TestCancelJob_200(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, queued := queuedJob(t, app, 3)
	require.EqualValues(t, 2, balance(t, who))
	res, err := who.CancelJobWithResponse(t.Context(), queued.JobID)
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	require.Equal(t, client.JobStatusCanceled, res.JSON200.Status)
	require.True(t, res.JSON200.Refunded)
	require.Equal(t, res.JSON200.CostCredits, res.JSON200.RefundedCredits)
	require.False(t, res.JSON200.FinishedAt.IsNull())
	require.Equal(t, *res.JSON200, getJob(t, who, queued.JobID))
	require.EqualValues(t, 3, balance(t, who))

	project, err := who.GetProjectWithResponse(t.Context(), res.JSON200.ProjectID)
	require.NoError(t, err)
	require.Equal(t, client.ProjectStatusDraft, project.JSON200.Status, "a cancelled job leaves a draft")
}

func TestCancelJob_200_running(t *testing.T) {
	t.Parallel()
	begun, stopped := make(chan struct{}), make(chan struct{})
	app := apptest.New(t, apptest.WithWorker(), studio(func(ctx context.Context, _ providers.ImageRequest, _ providers.Sink) error {
		close(begun)
		<-ctx.Done()
		close(stopped)
		return ctx.Err()
	}))
	who, queued := queuedJob(t, app, 3)
	<-begun
	require.Equal(t, client.JobStatusRunning, getJob(t, who, queued.JobID).Status)
	res, err := who.CancelJobWithResponse(t.Context(), queued.JobID)
	require.NoError(t, err)
	require.NotNil(t, res.JSON200, "%s", res.Body)
	<-stopped // the provider is not left to work for nothing
	job := getJob(t, who, queued.JobID)
	require.Equal(t, client.JobStatusCanceled, job.Status)
	require.EqualValues(t, 3, balance(t, who))
}

func TestCancelJob_409_jobFinished(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, queued := queuedJob(t, app, 3)
	for _, want := range []int{200, 409} {
		res, err := who.CancelJobWithResponse(t.Context(), queued.JobID)
		require.NoError(t, err)
		require.Equal(t, want, res.StatusCode())
		if want == 409 {
			refused(t, res.JSON409, res.Body, client.ErrorCodeJobFinished)
		}
	}
	require.EqualValues(t, 3, balance(t, who), "refunded once")
}

func TestCancelJob_404(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, queued := queuedJob(t, app, 3)
	res, err := app.SignUp(t).CancelJobWithResponse(t.Context(), queued.JobID)
	require.NoError(t, err)
	refused(t, res.JSON404, res.Body, client.ErrorCodeNotFound)
	require.Equal(t, client.JobStatusQueued, getJob(t, who, queued.JobID).Status)
}

func TestGetJob_200_failed(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker(), studio(func(context.Context, providers.ImageRequest, providers.Sink) error {
		return &providers.Error{Provider: "painter", Class: providers.Blocked, Reason: "SAFETY"}
	}))
	who, queued := queuedJob(t, app, 3)
	last := follow(t, who, queued.JobID, nil)
	require.Equal(t, client.JobStatusFailed, last.Status)
	require.Equal(t, client.JobErrorCodeContentBlocked, last.Error.MustGet().Code)
	require.True(t, last.Refunded)
	require.Equal(t, last, getJob(t, who, queued.JobID))
	require.EqualValues(t, 3, balance(t, who))
}
