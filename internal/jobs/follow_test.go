package jobs_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

// follow waits for the end of a following.
func follow(ctx context.Context, s *jobs.Service, userID, id uuid.UUID, seen int64, send func(jobs.View) error) error {
	return events.Wait(ctx, func(ended func(error)) *events.Following {
		return s.Follow(context.WithoutCancel(ctx), userID, id, seen, func(_ context.Context, v jobs.View) error { return send(v) }, ended)
	})
}

func TestFollow_sendsTheStateThenEachChange(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	var seen []jobs.View
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := follow(ctx, f.service, f.user.ID, id, 0, func(v jobs.View) error {
		if len(seen) == 0 {
			go func() { _ = f.runner.Run(context.Background(), id) }()
		}
		seen = append(seen, v)
		return nil
	})
	require.NoError(t, err)
	require.Equal(t, "queued", seen[0].Job.Status)
	last := seen[len(seen)-1]
	require.Equal(t, "succeeded", last.Job.Status)
	require.Len(t, last.Renders, 1)
	for i := 1; i < len(seen); i++ {
		require.Greater(t, seen[i].Job.Version, seen[i-1].Job.Version)
		require.GreaterOrEqual(t, seen[i].Job.Progress, seen[i-1].Job.Progress)
	}
}

func TestFollow_doesNotRepeatWhatWasSeen(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	require.NoError(t, f.runner.Run(t.Context(), id))
	version := f.job(t, id).Job.Version
	sent := 0
	count := func(jobs.View) error { sent++; return nil }
	require.NoError(t, follow(t.Context(), f.service, f.user.ID, id, version, count))
	require.Zero(t, sent)
	require.NoError(t, follow(t.Context(), f.service, f.user.ID, id, version-1, count))
	require.Equal(t, 1, sent)
}

// listening is a hub that remembers the last subscription.
type listening struct {
	*events.Hub

	last *events.Subscription
}

func (l *listening) Subscribe(topic string) *events.Subscription {
	l.last = l.Hub.Subscribe(topic)
	return l.last
}

// A reader that panics leaves no subscription behind, which the hub would keep for ever.
func TestFollow_panicEndsTheSubscription(t *testing.T) {
	t.Parallel()
	f := setup(t, 10, time.Minute)
	id := f.request(t, draft)
	hub, err := events.Open(events.Config{RedisURL: redistest.URL(t)}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, hub.Close()) })
	heard := &listening{Hub: hub}
	service := jobs.NewService(jobs.Deps{Store: f.store, Events: heard})
	err = follow(t.Context(), service, f.user.ID, id, 0, func(jobs.View) error { panic("odd") })
	var panicked *events.PanicError
	require.ErrorAs(t, err, &panicked)
	require.Equal(t, "odd", panicked.Value)
	select {
	case _, open := <-heard.last.C():
		require.False(t, open)
	default:
		require.Fail(t, "the subscription is still open")
	}
}
