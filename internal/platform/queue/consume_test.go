package queue_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/queue"
)

func TestConsume_refusesABadConsumer(t *testing.T) {
	t.Parallel()
	q := open(t, at("redis://"+refusingAddress(t)), silent())
	for _, consumer := range []queue.Consumer{
		{},
		{Slots: 1, Deadline: time.Second},
		{Slots: 1, Handle: newInbox().handle},
		{Deadline: time.Second, Handle: newInbox().handle},
	} {
		_, err := q.Consume(map[queue.Kind]queue.Consumer{queue.Mail: consumer})
		require.Error(t, err)
	}
}

func TestConsumers_runAThousandOfEachKind(t *testing.T) {
	t.Parallel()
	q := open(t, shared(t), silent())
	got := map[queue.Kind]inbox{}
	consumers := map[queue.Kind]queue.Consumer{}
	for _, kind := range queue.Kinds() {
		got[kind] = newInbox()
		consumers[kind] = queue.Consumer{Slots: 20, Deadline: time.Minute, Handle: got[kind].handle}
	}
	consume(t, q, consumers)
	for _, kind := range queue.Kinds() {
		ids := newIDs(1000)
		for _, id := range ids {
			require.NoError(t, q.Push(t.Context(), kind, id))
		}
		handled := make([]uuid.UUID, len(ids))
		for i := range handled {
			handled[i] = got[kind].next(t)
		}
		require.ElementsMatch(t, ids, handled)
	}
}

// An idle gocraft/work looks at its list at once, after 10, 100 and 1,000 ms, and then every 5 s only.
func TestConsumers_wakeAtTheDoorbell(t *testing.T) {
	t.Parallel()
	q := open(t, shared(t), silent())
	got := newInbox()
	consume(t, q, generate(1, got.handle))
	require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))
	got.next(t)
	time.Sleep(1500 * time.Millisecond) // until it looks every 5 s only, of which no event tells

	begun := time.Now()
	require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))
	got.next(t)
	require.Less(t, time.Since(begun), 3*time.Second)
}

func TestConsumers_fetchWhatHasASlot(t *testing.T) {
	t.Parallel()
	q := open(t, shared(t), silent())
	got, release := newInbox(), make(chan struct{})
	block := func(ctx context.Context, id uuid.UUID) error {
		err := got.handle(ctx, id)
		<-release
		return err
	}
	mails := newInbox()
	consumers := generate(3, block)
	consumers[queue.Mail] = queue.Consumer{Slots: 1, Deadline: time.Minute, Handle: mails.handle}
	c := consume(t, q, consumers)

	require.NoError(t, q.PushAll(t.Context(), queue.Generate, newIDs(50)))
	for range 3 {
		got.next(t)
	}
	depth := func() int64 {
		n, err := q.Depth(t.Context(), queue.Generate)
		require.NoError(t, err)
		return n
	}
	require.EqualValues(t, 47, depth(), "only tasks that have a slot are fetched")
	require.Equal(t, map[queue.Kind]int{queue.Generate: 3, queue.Mail: 0}, c.Running())

	for range 5 { // rings for a kind without a free slot must neither fetch more nor delay another kind
		require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))
		require.NoError(t, q.Push(t.Context(), queue.Mail, uuid.New()))
		mails.next(t)
	}
	require.EqualValues(t, 52, depth())

	release <- struct{}{}
	got.next(t)
	require.EqualValues(t, 51, depth(), "one slot became free, one task was fetched")
	require.Equal(t, 3, c.Running()[queue.Generate])

	close(release)
	for range 51 {
		got.next(t)
	}
}

// A process without a free slot leaves tasks to other processes.
func TestConsumers_leaveTasksToOtherProcesses(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	release := make(chan struct{})
	got := newInbox()
	block := func(ctx context.Context, id uuid.UUID) error {
		err := got.handle(ctx, id)
		<-release
		return err
	}
	const processes = 4
	var q *queue.Queue
	for range processes {
		q = open(t, cfg, silent())
		consume(t, q, generate(1, block))
	}
	t.Cleanup(func() { close(release) })
	for range processes {
		require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))
	}
	for range processes {
		got.next(t)
	}
}

func TestConsumers_surviveAPanicAndAnError(t *testing.T) {
	t.Parallel()
	log := &journal{}
	q := open(t, shared(t), log.logger())
	got := newInbox()
	first, second := uuid.New(), uuid.New()
	consume(t, q, generate(1, func(ctx context.Context, id uuid.UUID) error {
		switch id {
		case first:
			panic("boom")
		case second:
			return errors.New("crash")
		}
		return got.handle(ctx, id)
	}))
	third := uuid.New()
	require.NoError(t, q.PushAll(t.Context(), queue.Generate, []uuid.UUID{first, second, third}))
	require.Equal(t, third, got.next(t))
	require.Equal(t, 1, log.count("panic with a string"))
	require.Zero(t, log.count("boom"), "a library may panic with a text that quotes its input")
	require.Equal(t, 1, log.count("consume_test.go"), "the stack")
	require.Equal(t, 1, log.count("crash"))
	require.Equal(t, 1, log.count("id="+first.String()))
}

func TestConsumers_dropAMessageWithoutAnID(t *testing.T) {
	t.Parallel()
	log := &journal{}
	cfg := shared(t)
	q := open(t, cfg, log.logger())
	command(t, cfg.RedisURL, "LPUSH", cfg.Namespace+":jobs:generate", `{"name":"generate","id":"one","t":1,"args":null}`)
	got := newInbox()
	consume(t, q, generate(1, got.handle))
	id := uuid.New()
	require.NoError(t, q.Push(t.Context(), queue.Generate, id))
	require.Equal(t, id, got.next(t))
	require.Equal(t, 1, log.count("its id is no UUID"))
}

func TestConsumers_endATaskAtItsDeadline(t *testing.T) {
	t.Parallel()
	q := open(t, shared(t), silent())
	ended := make(chan error, 1)
	consume(t, q, map[queue.Kind]queue.Consumer{queue.Reply: {
		Slots: 1, Deadline: time.Millisecond,
		Handle: func(ctx context.Context, _ uuid.UUID) error {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return nil
		},
	}})
	require.NoError(t, q.Push(t.Context(), queue.Reply, uuid.New()))
	require.ErrorIs(t, receive(t, ended), context.DeadlineExceeded)
}

func TestConsumers_runEachTaskOnceInManyProcesses(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	got := newInbox()
	var q *queue.Queue
	for range 3 {
		q = open(t, cfg, silent())
		consume(t, q, generate(7, got.handle))
	}
	ids := newIDs(600)
	var pushers sync.WaitGroup
	for i := range 6 {
		pushers.Go(func() {
			for _, id := range ids[i*100 : (i+1)*100] {
				if err := q.Push(context.Background(), queue.Generate, id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	pushers.Wait()
	handled := make([]uuid.UUID, len(ids))
	for i := range handled {
		handled[i] = got.next(t)
	}
	require.ElementsMatch(t, ids, handled)
}
