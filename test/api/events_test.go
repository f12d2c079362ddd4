package api_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/apptest"
)

func openStream(t testing.TB, who *apptest.Account, jobID uuid.UUID, seen *string) *apptest.Stream {
	t.Helper()
	res, err := who.StreamJobEvents(t.Context(), jobID, &client.StreamJobEventsParams{LastEventID: seen})
	require.NoError(t, err)
	return apptest.NewStream(t, res)
}

// next waits for an event and checks its form. It returns false at the end of the stream.
func next(t testing.TB, s *apptest.Stream) (client.Job, bool) {
	t.Helper()
	var job client.Job
	event, ok := s.Read(t, &job)
	if ok {
		require.Equal(t, "job", event.Name)
		require.Equal(t, strconv.FormatInt(job.Version, 10), event.ID)
	}
	return job, ok
}

// follow reads a job's events to the end of the stream and returns the last.
func follow(t testing.TB, who *apptest.Account, jobID uuid.UUID, seen *string) (last client.Job) {
	t.Helper()
	s := openStream(t, who, jobID, seen)
	for {
		job, ok := next(t, s)
		if !ok {
			return last
		}
		require.Greater(t, job.Version, last.Version)
		// A job that was given back because its vendor is down begins the same attempt anew.
		if job.Attempt == last.Attempt && job.Status != client.JobStatusQueued {
			require.GreaterOrEqual(t, job.Progress, last.Progress, "progress does not go back within an attempt")
		}
		last = job
	}
}

// The stream is opened in one process and the job drawn in another.
func TestStreamJobEvents_200_fromQueuedToTheEnd(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	waiting := studio(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
		sink.Progress(0.5)
		<-proceed
		return paint(ctx, req, sink)
	})
	app := apptest.New(t, waiting)
	who, queued := queuedJob(t, app, 1)
	s := openStream(t, who, queued.JobID, nil)
	hello, ok := s.Next(t)
	require.True(t, ok)
	require.Equal(t, "connected", hello.Comment, "at once, so that the client knows")
	first, ok := next(t, s)
	require.True(t, ok)
	require.Equal(t, getJob(t, who, queued.JobID), first, "the state as it is")

	apptest.New(t, apptest.Beside(app), apptest.WithWorker(), waiting)
	running, ok := next(t, s)
	require.True(t, ok)
	require.Equal(t, client.JobStatusRunning, running.Status)
	close(proceed)
	var last client.Job
	for job, ok := next(t, s); ok; job, ok = next(t, s) {
		last = job
	}
	require.Equal(t, client.JobStatusSucceeded, last.Status)
	require.Equal(t, client.JobStageDone, last.Stage)
	require.EqualValues(t, 100, last.Progress)
	require.Len(t, last.Renders, 1)
	require.Equal(t, "painter", last.ProviderMeta.MustGet().ProviderName)
}

func TestStreamJobEvents_200_afterTheEnd(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, queued := queuedJob(t, app, 1)
	canceled, err := who.CancelJobWithResponse(t.Context(), queued.JobID)
	require.NoError(t, err)
	require.Equal(t, *canceled.JSON200, follow(t, who, queued.JobID, nil), "the last state, and the end")
}

func TestStreamJobEvents_200_lastEventID(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, queued := queuedJob(t, app, 1)
	seen := strconv.FormatInt(getJob(t, who, queued.JobID).Version, 10)
	s := openStream(t, who, queued.JobID, &seen)
	hello, ok := s.Next(t)
	require.True(t, ok)
	require.Equal(t, "connected", hello.Comment)
	canceled, err := who.CancelJobWithResponse(t.Context(), queued.JobID)
	require.NoError(t, err)
	job, ok := next(t, s)
	require.True(t, ok)
	require.Equal(t, *canceled.JSON200, job, "what was seen is not sent again")
	_, ok = next(t, s)
	require.False(t, ok, "the server closes after the last")

	seen = strconv.FormatInt(job.Version, 10)
	over, err := who.StreamJobEventsWithResponse(t.Context(), queued.JobID, &client.StreamJobEventsParams{LastEventID: &seen})
	require.NoError(t, err)
	require.Equal(t, http.StatusNoContent, over.StatusCode(), "nothing is left to send: an EventSource stays away")
	for _, foreign := range []string{"", "not ours", "-1", "999999", "99999999999999999999"} {
		require.Equal(t, job, follow(t, who, queued.JobID, &foreign), "an id that we never sent counts as none: %q", foreign)
	}
}

// An id that is ahead of the job is not of it: what happens meanwhile is not kept from its reader.
func TestStreamJobEvents_200_lastEventIDAhead(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, queued := queuedJob(t, app, 1)
	s := openStream(t, who, queued.JobID, new("999999"))
	job, ok := next(t, s)
	require.True(t, ok)
	require.Equal(t, getJob(t, who, queued.JobID), job)
	canceled, err := who.CancelJobWithResponse(t.Context(), queued.JobID)
	require.NoError(t, err)
	job, ok = next(t, s)
	require.True(t, ok)
	require.Equal(t, *canceled.JSON200, job)
}

func TestStreamJobEvents_200_deletedMeanwhile(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	who, queued := queuedJob(t, app, 1)
	s := openStream(t, who, queued.JobID, nil)
	job, ok := next(t, s)
	require.True(t, ok)
	_, err := who.DeleteProjectWithResponse(t.Context(), job.ProjectID)
	require.NoError(t, err)
	job, ok = next(t, s)
	require.True(t, ok)
	require.Equal(t, client.JobStatusCanceled, job.Status)
	_, ok = next(t, s)
	require.False(t, ok)
}

func TestStreamJobEvents_404(t *testing.T) {
	t.Parallel()
	app := apptest.New(t)
	_, queued := queuedJob(t, app, 1)
	res, err := app.SignUp(t).StreamJobEventsWithResponse(t.Context(), queued.JobID, nil)
	require.NoError(t, err)
	refused(t, res.JSON404, res.Body, client.ErrorCodeNotFound)
}
