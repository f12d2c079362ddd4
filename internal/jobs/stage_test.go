package jobs_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/providers"
)

// follow collects what a reader is shown of a job until it ends.
func (f *fixture) follow(t *testing.T, id uuid.UUID) (seen func() []jobs.View) {
	t.Helper()
	var views []jobs.View
	listening, over := make(chan struct{}), make(chan error, 1)
	go func() {
		over <- follow(context.Background(), f.service, f.user.ID, id, 0, func(v jobs.View) error {
			if len(views) == 0 {
				close(listening)
			}
			views = append(views, v)
			return nil
		})
	}()
	<-listening
	return func() []jobs.View {
		require.NoError(t, <-over)
		return views
	}
}

func stagesOf(views []jobs.View) []string {
	stages := make([]string, len(views))
	for i, v := range views {
		stages[i] = v.Job.Stage
	}
	return slices.Compact(stages)
}

func TestRenderer_showsNoStageThatIsOverAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	f.renderer.ShowAfter = time.Minute
	id := f.request(t, jobs.JobRequest{Quality: "draft", Variants: 2})
	seen := f.follow(t, id)
	require.NoError(t, f.runner.Run(t.Context(), id))
	require.Equal(t, []string{"waiting", "done"}, stagesOf(seen()))
}

func TestRenderer_showsAStageThatLasts(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	f.renderer.ShowAfter = time.Millisecond
	id := f.request(t, jobs.JobRequest{Quality: "draft", Variants: 2})
	f.paint(func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
		for f.job(t, id).Job.Stage != "generating" {
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		return paints(ctx, req, sink)
	})
	seen := f.follow(t, id)
	require.NoError(t, f.runner.Run(t.Context(), id))
	require.Subset(t, stagesOf(seen()), []string{"generating", "done"})
}

// A reader gets the pictures by the event as another client gets them by the rows.
func TestRenderer_announcesPicturesAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, jobs.JobRequest{Quality: "draft", Variants: 2})
	seen := f.follow(t, id)
	require.NoError(t, f.runner.Run(t.Context(), id))
	views := seen()
	want, err := json.Marshal(utc(f.job(t, id)))
	require.NoError(t, err)
	got, err := json.Marshal(utc(views[len(views)-1]))
	require.NoError(t, err)
	require.JSONEq(t, string(want), string(got))
	require.Len(t, views[len(views)-1].Renders, 2)
}

// utc makes times comparable, whichever zone they were read in.
func utc(v jobs.View) jobs.View {
	for _, at := range []*time.Time{&v.Job.QueuedAt, v.Job.StartedAt, v.Job.FinishedAt, &v.Job.RunAt, v.Job.PushedAt} {
		*at = at.UTC()
	}
	v.Renders = slices.Clone(v.Renders)
	for i := range v.Renders {
		r := &v.Renders[i]
		for _, at := range []*time.Time{&r.CreatedAt, &r.Asset.CreatedAt, &r.Asset.UpdatedAt} {
			*at = at.UTC()
		}
	}
	return v
}
