package api_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// drawThumbnail shows how a Go program uses the client. docs/contract.md quotes it.
func drawThumbnail(ctx context.Context, server, sessionToken, headline string) (url string, err error) {
	mugshot, err := client.NewClientWithResponses(server, client.WithRequestEditorFn(
		func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+sessionToken)
			return nil
		}))
	if err != nil {
		return "", err
	}
	created, err := mugshot.CreateProjectWithResponse(ctx, nil, client.ProjectCreate{
		Mode: client.ProjectModeDesign, Platform: client.PlatformIDYoutube, Prompt: client.Prompt{Headline: headline},
	})
	if err != nil {
		return "", err
	}
	if created.JSON201 == nil {
		return "", fmt.Errorf("create project: %s", created.Body)
	}
	queued, err := mugshot.QueueProjectWithResponse(ctx, created.JSON201.ID, nil, client.QueueRequest{
		Quality: client.QualityDraft, Variants: 1,
	})
	if err != nil {
		return "", err
	}
	if queued.JSON201 == nil {
		return "", fmt.Errorf("queue project: %s", queued.Body)
	}
	for ; ; time.Sleep(200 * time.Millisecond) {
		job, err := mugshot.GetJobWithResponse(ctx, queued.JSON201.JobID)
		if err != nil {
			return "", err
		}
		switch {
		case job.JSON200 == nil:
			return "", fmt.Errorf("read job: %s", job.Body)
		case job.JSON200.Status == client.JobStatusSucceeded:
			return job.JSON200.Renders[0].Asset.URL, nil
		case !job.JSON200.FinishedAt.IsNull():
			return "", fmt.Errorf("the job ended as %s", job.JSON200.Status)
		}
	}
}

func TestClient_drawsAThumbnail(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker())
	who := app.SignUp(t)
	app.Grant(t, who.Session.User.Email, 1)
	url, err := drawThumbnail(t.Context(), app.URL+"/api/v1", who.Session.SessionToken, "I built a robot")
	require.NoError(t, err)
	require.NotEmpty(t, download(t, app, url))
}
