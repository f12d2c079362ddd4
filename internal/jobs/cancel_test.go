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

func TestCancelJob_abortsARunningOne(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute) // too long for a renewal to notice: the event has to
	id := w.order(t, draft)
	drawing := make(chan struct{})
	w.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
		err := paints(ctx, req, sink)
		close(drawing)
		<-ctx.Done()
		return errors.Join(err, ctx.Err())
	})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := w.runner.Run(context.Background(), id); err != nil {
			t.Error(err)
		}
	})
	<-drawing
	canceled, err := w.service.Cancel(t.Context(), w.user.ID, id)
	require.NoError(t, err)
	wg.Wait()
	require.Equal(t, "canceled", canceled.Job.Status)
	require.Equal(t, "canceled", w.job(t, id).Job.Status)
	require.Zero(t, w.stored(t))
	require.EqualValues(t, 10, factory.Balance(t, w.store, w.user.ID))
	require.Equal(t, "draft", w.projectStatus(t))
	require.Equal(t, []string{"content_allowed"}, w.decisions(t), "it had begun")
	_, err = w.service.Cancel(t.Context(), w.user.ID, id)
	require.ErrorIs(t, err, jobs.ErrFinished)
	_, err = w.service.Cancel(t.Context(), factory.ID(), id)
	require.ErrorIs(t, err, jobs.ErrNotFound)
}

// Of a cancel and a success at the same moment one wins, and the money follows the winner.
func TestCancelJob_againstSuccess(t *testing.T) {
	t.Parallel()
	w := setup(t, 20, time.Minute)
	want := int64(20)
	for range 20 {
		id := w.order(t, draft)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := w.runner.Run(context.Background(), id); err != nil {
				t.Error(err)
			}
		})
		var canceled error
		wg.Go(func() { _, canceled = w.service.Cancel(context.Background(), w.user.ID, id) })
		wg.Wait()
		if errors.Is(canceled, jobs.ErrFinished) {
			want--
			require.Equal(t, "succeeded", w.job(t, id).Job.Status)
		} else {
			require.NoError(t, canceled)
			require.Equal(t, "canceled", w.job(t, id).Job.Status)
		}
		require.Equal(t, want, factory.Balance(t, w.store, w.user.ID))
	}
}

func TestDeleteProject_refundsUnfinishedJobs(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	done := w.order(t, draft)
	require.NoError(t, w.runner.Run(t.Context(), done))
	w.order(t, draft)
	w.order(t, draft)
	require.ErrorIs(t, w.service.DeleteProject(t.Context(), factory.ID(), w.project.ID), projects.ErrNotFound)
	require.NoError(t, w.service.DeleteProject(t.Context(), w.user.ID, w.project.ID))
	require.EqualValues(t, 9, factory.Balance(t, w.store, w.user.ID))
	require.ErrorIs(t, w.service.DeleteProject(t.Context(), w.user.ID, w.project.ID), projects.ErrNotFound)
	require.Equal(t, 1, w.stored(t), "finished pictures stay among the assets")
}

// No job may slip into a project that is being deleted and take its credits along.
func TestDeleteProject_againstQueue(t *testing.T) {
	t.Parallel()
	w := setup(t, 100, time.Minute)
	for range 10 {
		w.project = factory.Project(t, w.store, w.user.ID, nil)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { _, _, _ = w.service.Queue(context.Background(), w.user.ID, w.project.ID, draft, noKey) })
		}
		wg.Go(func() {
			if err := w.service.DeleteProject(context.Background(), w.user.ID, w.project.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		require.EqualValues(t, 100, factory.Balance(t, w.store, w.user.ID))
	}
}

// A cancel locks the job and then its account. What locks them the other way round, as the deletion of an account does,
// makes a deadlock, of which Postgres makes the one that has waited longest the victim: the cancel.
func TestCancel_aDeadlockIsNotTheCreatorsAffair(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	id := w.order(t, draft)
	other, err := w.store.Pool().Begin(t.Context())
	require.NoError(t, err)
	_, err = other.Exec(t.Context(), "select from users where id = $1 for update", w.user.ID)
	require.NoError(t, err)

	type answer struct {
		view jobs.View
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		view, err := w.service.Cancel(t.Context(), w.user.ID, id)
		answered <- answer{view, err}
	}()
	require.Eventually(t, func() bool {
		var waiting bool
		err := w.store.Pool().QueryRow(t.Context(),
			"select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')").Scan(&waiting)
		return err == nil && waiting
	}, 20*time.Second, 5*time.Millisecond)
	_, err = other.Exec(t.Context(), "select from jobs where id = $1 for update", id)
	require.NoError(t, err, "the victim should be the other one")
	require.NoError(t, other.Commit(t.Context()))

	got := <-answered
	require.NoError(t, got.err)
	require.Equal(t, "canceled", got.view.Job.Status)
	require.EqualValues(t, 10, factory.Balance(t, w.store, w.user.ID))
}

// deaf is a hub whose publishing to readers fails, and which remembers what else it was given.
type deaf struct {
	*events.Hub

	told []string
}

func (d *deaf) Publish(_ context.Context, topic string, _ []byte) error {
	if strings.HasPrefix(topic, "job:") {
		return errors.New("away for a moment")
	}
	d.told = append(d.told, topic)
	return nil
}

// Whoever draws is to stop although readers could not be told.
func TestCancelJob_tellsItsHolderWhateverReadersHear(t *testing.T) {
	t.Parallel()
	w := setup(t, 10, time.Minute)
	id := w.order(t, draft)
	heard := new(deaf)
	service := jobs.NewService(jobs.Deps{
		Store: w.store, Events: heard, NewID: factory.ID, Now: time.Now, Log: slog.New(slog.DiscardHandler), OnBalanceChange: w.moved.add,
	})
	_, err := service.Cancel(t.Context(), w.user.ID, id)
	require.NoError(t, err)
	require.Equal(t, []string{events.ControlTopic("job:" + id.String())}, heard.told)
}
