package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/projects"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

func TestCancelJob_200_abortsARunningJob(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute) // too long for a renewal to notice: the event has to
	id := f.request(t, draft)
	drawing := make(chan struct{})
	f.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
		err := paints(ctx, req, sink)
		close(drawing)
		<-ctx.Done()
		return errors.Join(err, ctx.Err())
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.runner.Run(context.Background(), id); err != nil {
			t.Error(err)
		}
	})
	<-drawing
	canceled, err := f.service.Cancel(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	wg.Wait()
	require.Equal(t, "canceled", canceled.Job.Status)
	require.Equal(t, "canceled", f.job(t, id).Job.Status)
	require.Zero(t, f.stored(t))
	require.EqualValues(t, 9, factory.Balance(t, f.store, f.user.ID), "the picture was begun")
	require.Equal(t, "draft", f.projectStatus(t))
	require.Equal(t, []string{"content_allowed"}, f.decisions(t), "it had begun")
	_, err = f.service.Cancel(t.Context(), f.user.ID, id)
	require.ErrorIs(t, err, jobs.ErrFinished)
	_, err = f.service.Cancel(t.Context(), factory.ID(), id)
	require.ErrorIs(t, err, jobs.ErrNotFound)
}

// Of a cancel and a success at the same moment one wins, and the money follows the winner.
func TestCancelJob_409_losesAgainstSuccess(t *testing.T) {
	t.Parallel()
	f := setup(t, 20, time.Minute)
	want := int64(20)
	for range 20 {
		id := f.request(t, draft)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := f.runner.Run(context.Background(), id); err != nil {
				t.Error(err)
			}
		})
		var view jobs.View
		var canceled error
		wg.Go(func() { view, canceled = f.service.Cancel(context.Background(), f.user.ID, id) })
		wg.Wait()
		if errors.Is(canceled, jobs.ErrFinished) {
			want--
			require.Equal(t, "succeeded", f.job(t, id).Job.Status)
		} else {
			require.NoError(t, canceled)
			require.Equal(t, "canceled", f.job(t, id).Job.Status)
			want -= view.Job.CostCredits - view.Job.RefundedCredits
		}
		require.Equal(t, want, factory.Balance(t, f.store, f.user.ID))
	}
}

func TestDeleteProject_204_refundsUnfinishedJobs(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	done := f.request(t, draft)
	require.NoError(t, f.runner.Run(t.Context(), done))
	f.request(t, draft)
	f.request(t, draft)
	require.ErrorIs(t, f.service.DeleteProject(t.Context(), factory.ID(), f.project.ID), projects.ErrNotFound)
	require.NoError(t, f.service.DeleteProject(t.Context(), f.user.ID, f.project.ID))
	require.EqualValues(t, 9, factory.Balance(t, f.store, f.user.ID))
	require.ErrorIs(t, f.service.DeleteProject(t.Context(), f.user.ID, f.project.ID), projects.ErrNotFound)
	require.Equal(t, 1, f.stored(t), "finished pictures stay among the assets")
}

// No job may slip into a project that is being deleted and take its credits along.
func TestDeleteProject_204_whileJobsAreQueued(t *testing.T) {
	t.Parallel()
	f := setup(t, 100, time.Minute)
	for range 10 {
		f.project = factory.Project(t, f.store, f.user.ID, nil)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { _, _, _ = f.service.Queue(context.Background(), f.user.ID, f.project.ID, draft, noKey) })
		}
		wg.Go(func() {
			if err := f.service.DeleteProject(context.Background(), f.user.ID, f.project.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		require.EqualValues(t, 100, factory.Balance(t, f.store, f.user.ID))
	}
}

// deaf is a hub whose publishing to readers fails, and which remembers what else it was given.
type deaf struct {
	*events.Hub

	topics []string
}

func (d *deaf) Publish(_ context.Context, topic string, _ []byte) error {
	if strings.HasPrefix(topic, "job:") {
		return errors.New("away for a moment")
	}
	d.topics = append(d.topics, topic)
	return nil
}

// The worker that draws stops although the event for readers was not published.
func TestCancelJob_200_reachesTheWorkerWithoutReaders(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	heard := new(deaf)
	service := jobs.NewService(jobs.Deps{
		Store: f.store, Events: heard, NewID: factory.ID, Now: time.Now, Log: slog.New(slog.DiscardHandler), OnBalanceChange: f.balances.add,
	})
	_, err := service.Cancel(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	require.Equal(t, []string{events.ControlTopic("job:" + id.String())}, heard.topics)
}
