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

func TestConsume_badConsumer(t *testing.T) {
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

func TestConsume_thousand(t *testing.T) {
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

// An idle gocraft/work looks at once, after 10, 100 and 1,000 ms, and then not for 5 s.
func TestConsume_doorbellWakesIdle(t *testing.T) {
	t.Parallel()
	q := open(t, shared(t), silent())
	got := newInbox()
	consume(t, q, generate(1, got.handle))
	require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))
	got.next(t)
	time.Sleep(1500 * time.Millisecond) // the time in which it falls asleep; there is no event to wait for

	begun := time.Now()
	require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))
	got.next(t)
	require.Less(t, time.Since(begun), 3*time.Second)
}

func TestConsume_backPressure(t *testing.T) {
	t.Parallel()
	q := open(t, shared(t), silent())
	got, release := newInbox(), make(chan struct{})
	hold := func(ctx context.Context, id uuid.UUID) error {
		err := got.handle(ctx, id)
		<-release
		return err
	}
	mails := newInbox()
	consumers := generate(3, hold)
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
	require.EqualValues(t, 47, depth(), "only what has a slot is fetched")
	require.Equal(t, map[queue.Kind]int{queue.Generate: 3, queue.Mail: 0}, c.Running())

	for range 5 { // rings that find generate full must neither fetch more nor hold up another kind
		require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))
		require.NoError(t, q.Push(t.Context(), queue.Mail, uuid.New()))
		mails.next(t)
	}
	require.EqualValues(t, 52, depth())

	release <- struct{}{}
	got.next(t)
	require.EqualValues(t, 51, depth(), "one slot free, one task fetched")
	require.Equal(t, 3, c.Running()[queue.Generate])

	close(release)
	for range 51 {
		got.next(t)
	}
}

// What a full process can't run is left to another one.
func TestConsume_noHoarding(t *testing.T) {
	t.Parallel()
	cfg := shared(t)
	release := make(chan struct{})
	got := newInbox()
	hold := func(ctx context.Context, id uuid.UUID) error {
		err := got.handle(ctx, id)
		<-release
		return err
	}
	const processes = 4
	var q *queue.Queue
	for range processes {
		q = open(t, cfg, silent())
		consume(t, q, generate(1, hold))
	}
	t.Cleanup(func() { close(release) })
	for range processes {
		require.NoError(t, q.Push(t.Context(), queue.Generate, uuid.New()))
	}
	for range processes {
		got.next(t)
	}
}

func TestConsume_panicAndError(t *testing.T) {
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
	require.Zero(t, log.count("boom"), "what a library panics with may quote what it was given")
	require.Equal(t, 1, log.count("consume_test.go"), "the stack")
	require.Equal(t, 1, log.count("crash"))
	require.Equal(t, 1, log.count("id="+first.String()))
}

func TestConsume_messageWithoutID(t *testing.T) {
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

func TestConsume_deadline(t *testing.T) {
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

func TestConsume_manyPushersManyProcesses(t *testing.T) {
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
