package api_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/fakes/geminifake"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

// orderSwap is an order with consent for the face.
func orderSwap() client.QueueRequest {
	o := order()
	o.Consent = &client.Consent{SubjectIsMe: new(true), AcceptedAt: time.Now()}
	return o
}

// The moderator finds a public figure after the job was queued and before anything is drawn. From then on the finding is known
// when a job is queued.
func TestModerator_blocksAPublicFigureBeforeAnythingIsDrawn(t *testing.T) {
	t.Parallel()
	fake := geminifake.New(t)
	fake.Answer(func(req geminifake.Request) geminifake.Reply {
		if req.WantsImage {
			t.Error("something was drawn")
		}
		return geminifake.Moderated("public_figure")
	})
	app := onGemini(t, fake, apptest.WithWorker(), quiet())
	who := app.SignUp(t)
	app.Grant(t, who.Email, 10)
	project := faceSwap(t, app, who)
	queued, err := who.QueueProjectWithResponse(t.Context(), project.ID, nil, orderSwap())
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)
	job := follow(t, who, queued.JSON201.JobID, nil)
	require.Equal(t, client.JobStatusFailed, job.Status)
	require.True(t, job.Refunded)
	problem := job.Error.MustGet()
	require.EqualValues(t, "face_swap_blocked", problem.Code)
	require.Equal(t, "The picture to copy shows a well-known person. Choose another one. Your credits are back.", problem.Message)
	require.EqualValues(t, 10, balance(t, who))

	again, err := who.QueueProjectWithResponse(t.Context(), project.ID, nil, orderSwap())
	require.NoError(t, err)
	answer := refused(t, again.JSON403, again.Body, client.ErrorCodeFaceSwapBlocked)
	require.Equal(t, "picture_public_figure", answer.Details.AdditionalProperties["rule"])
	require.EqualValues(t, 10, balance(t, who))
	require.Len(t, fake.Requests(), 1, "a picture is moderated once")
}

func TestModerator_isAskedBeforeAnythingIsDrawn(t *testing.T) {
	t.Parallel()
	fake := geminifake.New(t)
	app := onGemini(t, fake, apptest.WithWorker())
	who := app.SignUp(t)
	app.Grant(t, who.Email, 10)
	queued, err := who.QueueProjectWithResponse(t.Context(), faceSwap(t, app, who).ID, nil, orderSwap())
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)
	job := follow(t, who, queued.JSON201.JobID, nil)
	require.Equal(t, client.JobStatusSucceeded, job.Status, "%+v", job.Error)
	asked := fake.Requests()
	require.True(t, asked[0].WantsJSON, "the moderator is asked first")
	require.Equal(t, "gemini-3.8-flash", asked[0].Model)
	require.True(t, asked[1].WantsImage)
}

// Without a vendor, the local moderator still checks the words of the prompt and counts faces.
func TestModerator_localChecksWordsAndFaces(t *testing.T) {
	t.Parallel()
	app := apptest.New(t, apptest.WithWorker())
	who := app.SignUp(t)
	app.Grant(t, who.Email, 10)
	wish := draft()
	wish.Prompt.Details = new("She is completely naked.")
	res, err := who.QueueProjectWithResponse(t.Context(), createProject(t, who, wish).ID, nil, order())
	require.NoError(t, err)
	answer := refused(t, res.JSON403, res.Body, client.ErrorCodeContentBlocked)
	require.Equal(t, "words_sexual", answer.Details.AdditionalProperties["rule"])
	require.EqualValues(t, 10, balance(t, who))

	queued, err := who.QueueProjectWithResponse(t.Context(), faceSwap(t, app, who).ID, nil, orderSwap())
	require.NoError(t, err)
	require.NotNil(t, queued.JSON201, "%s", queued.Body)
	job := follow(t, who, queued.JSON201.JobID, nil)
	require.Equal(t, client.JobStatusSucceeded, job.Status, "%+v", job.Error)
	var moderator string
	require.NoError(t, app.Store.Pool().QueryRow(t.Context(),
		"select meta->>'judge' from audit_logs where action = 'content_allowed' and meta->>'job_id' = $1", job.ID.String()).Scan(&moderator))
	require.Equal(t, "local/1", moderator)
}
