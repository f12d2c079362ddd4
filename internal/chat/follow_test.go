package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
)

// follow waits for the end of a following.
func follow(ctx context.Context, s *chat.Service, userID, chatID uuid.UUID, seen chat.Seen, send func(chat.Update) error) error {
	return events.Wait(ctx, func(ended func(error)) *events.Following {
		return s.Follow(context.WithoutCancel(ctx), userID, chatID, seen, send, ended)
	})
}

// lossy loses some of what is published, without a sign. Unless rows is nil it looks whether the row of a piece
// has all that lies before the piece, and counts where not.
type lossy struct {
	*events.Hub

	mu    sync.Mutex
	r     *rand.Rand
	loss  int // percent
	rows  *postgres.Store
	early int
}

func (l *lossy) Publish(ctx context.Context, topic string, payload []byte) error {
	l.mu.Lock()
	lost := l.r.IntN(100) < l.loss
	if l.rows != nil && l.isEarly(payload) {
		l.early++
	}
	l.mu.Unlock()
	if lost {
		return nil
	}
	return l.Hub.Publish(ctx, topic, payload)
}

func (l *lossy) isEarly(payload []byte) bool {
	var heard struct {
		Delta *struct {
			ID    uuid.UUID `json:"id"`
			Token int64     `json:"token"`
			From  int       `json:"from"`
		} `json:"delta"`
	}
	if json.Unmarshal(payload, &heard) != nil || heard.Delta == nil {
		return false
	}
	var early bool
	err := l.rows.Pool().QueryRow(context.Background(),
		"select lease_token = $2 and status = 'streaming' and octet_length(content) < $3 from messages where id = $1",
		heard.Delta.ID, heard.Delta.Token, heard.Delta.From).Scan(&early)
	return err != nil || early
}

// viewer is a client that does what the contract says, and checks each thing that it shows.
type viewer struct {
	reply  uuid.UUID
	texts  *sync.Map // what is to be written, by the token of the attempt
	shown  chat.Message
	seen   chat.Seen
	deltas int
}

var (
	errEnded = errors.New("ended")
	errCut   = errors.New("cut")
)

func (v *viewer) show(u chat.Update) error {
	if u.Message != nil {
		v.seen = chat.Seen{Seq: u.Message.Seq, Revision: u.Message.Revision}
		if u.Message.ID != v.reply {
			return nil
		}
		if v.shown.ID == v.reply && u.Message.Revision < v.shown.Revision {
			return fmt.Errorf("revision %d after %d", u.Message.Revision, v.shown.Revision)
		}
		v.shown = *u.Message
	} else {
		v.shown.Content += u.Text
		v.deltas++
	}
	if v.shown.ID != v.reply {
		return nil
	}
	whole, ok := v.texts.Load(v.shown.Token)
	if ok && !strings.HasPrefix(whole.(string), v.shown.Content) || !ok && v.shown.Content != "" {
		return fmt.Errorf("shows what was not written in attempt %d: %q", v.shown.Token, v.shown.Content)
	}
	if v.shown.Status == "complete" {
		return errEnded
	}
	return nil
}

// watch follows the chat to the end of the reply, over connections that are cut at random.
func (v *viewer) watch(ctx context.Context, s *chat.Service, userID, chatID uuid.UUID, r *rand.Rand) error {
	for {
		left := 3 + r.IntN(60)
		err := follow(ctx, s, userID, chatID, v.seen, func(u chat.Update) error {
			if left--; left == 0 {
				return errCut // before it is shown
			}
			return v.show(u)
		})
		switch {
		case errors.Is(err, errEnded):
			return nil
		case !errors.Is(err, errCut):
			return err
		}
		time.Sleep(time.Duration(r.IntN(20)) * time.Millisecond)
	}
}

// On real Postgres and Redis: readers join whenever they like, their connections are cut, events are lost, workers die in
// the middle and write on though they are dead. Every reader shows the text of one attempt at a time, character by
// character, and in the end what the row says.
func TestFollow_missesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const rounds, viewers = 12, 6
	for round := range uint64(rounds) {
		r := rand.New(rand.NewPCG(round, 11))
		bus := &lossy{Hub: f.hub, r: rand.New(rand.NewPCG(round, 12)), loss: []int{0, 20, 60}[round%3], rows: f.store}
		service := chat.NewService(chat.Deps{
			Store: f.store, Events: bus, Enqueue: func(context.Context, uuid.UUID) error { return nil }, UserReplies: 3,
			Now: time.Now, NewID: uuid.New, Log: slog.New(slog.DiscardHandler), IdleTimeout: 100 * time.Millisecond,
		})
		deps := f.deps
		deps.Events, deps.PersistEvery, deps.PersistBytes = bus, 40*time.Millisecond, 300
		deps.PublishEvery = 3 * time.Millisecond
		runner := &task.Runner{Kind: chat.NewReplier(deps), Name: queue.Reply, Events: bus, Log: deps.Log}
		reply := f.ask(t, fmt.Sprint("round ", round))
		var texts sync.Map
		f.write(func(_ context.Context, _ providers.TextRequest, emit func(string) error) error {
			var token int64
			if err := f.store.Pool().QueryRow(context.Background(),
				"select lease_token from messages where id = $1", reply.ID).Scan(&token); err != nil {
				return err
			}
			own := rand.New(rand.NewPCG(round, uint64(token)))
			var pieces []string
			for i := range 150 {
				pieces = append(pieces, fmt.Sprintf("%d·%d–%s", token, i, strings.Repeat("é", own.IntN(5))))
			}
			texts.Store(token, strings.Join(pieces, ""))
			for _, piece := range pieces {
				time.Sleep(time.Duration(own.IntN(1500)) * time.Microsecond)
				if err := emit(piece); err != nil {
					return err
				}
			}
			return nil
		})
		watching, stop := context.WithTimeout(t.Context(), long)
		var readers sync.WaitGroup
		failures := make([]error, viewers)
		screens := make([]*viewer, viewers)
		for i := range viewers {
			screens[i] = &viewer{reply: reply.ID, texts: &texts}
			own := rand.New(rand.NewPCG(round, uint64(100+i)))
			readers.Go(func() {
				time.Sleep(time.Duration(own.IntN(150)) * time.Millisecond)
				failures[i] = screens[i].watch(watching, service, f.user.ID, f.chat.ID, own)
			})
		}
		var workers sync.WaitGroup
		for range r.IntN(chat.MaxAttempts) { // these die: others take over, and they don't know
			workers.Go(func() { _ = runner.Run(context.WithoutCancel(t.Context()), reply.ID) })
			time.Sleep(time.Duration(20+r.IntN(60)) * time.Millisecond)
			f.exec(t, "update messages set lease_until = now() - interval '1 second' where id = $1 and status = 'streaming'", reply.ID)
		}
		require.NoError(t, runner.Run(t.Context(), reply.ID))
		workers.Wait()
		readers.Wait()
		stop()
		row := f.read(t, reply)
		require.Equal(t, "complete", row.Status)
		deltas := 0
		for i, v := range screens {
			require.NoError(t, failures[i], "round %d, reader %d", round, i)
			require.Equal(t, row.Content, v.shown.Content, "round %d, reader %d", round, i)
			deltas += v.deltas
		}
		whole, _ := texts.Load(row.Token)
		require.Equal(t, whole, row.Content)
		t.Logf("round %d: %d %% lost, attempt %d, %d deltas", round, bus.loss, row.Token, deltas)
		require.NotZero(t, deltas)
		require.Zero(t, bus.early, "pieces that no row could be joined to")
	}
}

// Without any event at all a reader is late, but not wrong.
func TestFollow_readsTheRowsWithoutEvents(t *testing.T) {
	t.Parallel()
	f := setup(t)
	reply := f.ask(t, "Help me")
	service := chat.NewService(chat.Deps{Store: f.store, Events: f.hub, Log: slog.New(slog.DiscardHandler), IdleTimeout: 10 * time.Millisecond})
	deps := f.deps
	deps.Events = &lossy{Hub: f.hub, r: rand.New(rand.NewPCG(1, 1)), loss: 100}
	ran := make(chan error, 1)
	go func() {
		ran <- (&task.Runner{Kind: chat.NewReplier(deps), Name: queue.Reply, Events: f.hub, Log: deps.Log}).Run(context.Background(), reply.ID)
	}()
	var texts sync.Map
	texts.Store(int64(1), "Sure.")
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	v := &viewer{reply: reply.ID, texts: &texts}
	require.NoError(t, v.watch(ctx, service, f.user.ID, f.chat.ID, rand.New(rand.NewPCG(1, 1))))
	require.Equal(t, "Sure.", v.shown.Content)
	require.NoError(t, <-ran)
}

// The stream ends with its chat.
func TestFollow_endsWithTheChat(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.ask(t, "Help me")
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	err := follow(ctx, f.service, f.user.ID, f.chat.ID, chat.Seen{}, func(chat.Update) error {
		return f.service.Delete(ctx, f.user.ID, f.chat.ID)
	})
	if !errors.Is(err, chat.ErrNotFound) {
		require.NoError(t, err)
	}
	require.NoError(t, ctx.Err(), "it would have gone on")
}
