package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

// expired returns a context that has ended.
func expired() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestConsumers_drainLetsTasksEnd(t *testing.T) {
	t.Parallel()
	q := open(t, shared(t), silent())
	got, release := newInbox(), make(chan struct{})
	interrupted := make(chan error, 2)
	c := consume(t, q, generate(2, func(ctx context.Context, id uuid.UUID) error {
		err := got.handle(ctx, id)
		<-release
		interrupted <- ctx.Err()
		return err
	}))
	require.NoError(t, q.PushAll(t.Context(), queue.Generate, newIDs(10)))
	got.next(t)
	got.next(t)

	drained := make(chan error)
	go func() { drained <- c.Drain(context.Background()) }()
	eventually(t, func() bool { return errors.Is(c.Healthy(t.Context()), queue.ErrDraining) }, "draining")
	close(release)
	require.NoError(t, receive(t, drained))
	require.NoError(t, receive(t, interrupted))
	require.NoError(t, receive(t, interrupted))
	require.Equal(t, 0, c.Running()[queue.Generate])
	require.NoError(t, c.Drain(expired()), "once more")

	depth, err := q.Depth(t.Context(), queue.Generate)
	require.NoError(t, err)
	require.EqualValues(t, 8, depth, "nothing was fetched after the drain began")
}

func TestConsumers_drainEndsContextsAtItsDeadline(t *testing.T) {
	t.Parallel()
	q := open(t, shared(t), silent())
	got, cause := newInbox(), make(chan error, 1)
	c := consume(t, q, generate(1, func(ctx context.Context, id uuid.UUID) error {
		err := got.handle(ctx, id)
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return err
	}))
	require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))
	got.next(t)
	require.NoError(t, c.Drain(expired()))
	require.ErrorIs(t, receive(t, cause), queue.ErrDraining)
}

func TestConsumers_drainGivesUpOnAHandlerThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	cfg.Grace = time.Millisecond
	q := open(t, cfg, silent())
	got, release := newInbox(), make(chan struct{})
	c := consume(t, q, generate(1, func(ctx context.Context, id uuid.UUID) error {
		err := got.handle(ctx, id)
		<-release
		return err
	}))
	require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))
	got.next(t)
	require.ErrorContains(t, c.Drain(expired()), "generate:1")
	close(release)
	require.NoError(t, c.Drain(context.Background()))
}

func TestConsumers_drainWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	q := open(t, at("redis://"+refusingAddress(t)), silent())
	c, err := q.Consume(generate(1, newInbox().handle))
	require.NoError(t, err)
	require.Error(t, c.Healthy(t.Context()))
	require.NoError(t, c.Drain(context.Background()), "before Redis was ever reached")

	redis := ownRedis(t)
	q = open(t, at(redis.URL()), silent())
	c, err = q.Consume(generate(1, newInbox().handle))
	require.NoError(t, err)
	eventually(t, func() bool { return c.Healthy(t.Context()) == nil }, "healthy")
	redis.Kill()
	eventually(t, func() bool { return c.Healthy(t.Context()) != nil }, "unhealthy")
	require.NoError(t, c.Drain(context.Background()), "after Redis was lost")
}
