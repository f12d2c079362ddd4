package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/chat"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// long bounds waits for what must happen, on a machine however loaded.
const long = 30 * time.Second

// scribe is a text provider whose behaviour is the test's.
type scribe func(ctx context.Context, req providers.TextRequest, emit func(string) error) error

func (s scribe) Reply(ctx context.Context, req providers.TextRequest, emit func(string) error) (providers.Meta, error) {
	return providers.Meta{ProviderName: "scribe", Model: req.Model}, s(ctx, req, emit)
}

// says writes a text, word by word.
func says(text string) scribe {
	return func(_ context.Context, _ providers.TextRequest, emit func(string) error) error {
		for word := range strings.SplitAfterSeq(text, " ") {
			if err := emit(word); err != nil {
				return err
			}
		}
		return nil
	}
}

// failsWith writes a few words and breaks off.
func failsWith(class providers.Class) scribe {
	return func(_ context.Context, _ providers.TextRequest, emit func(string) error) error {
		if err := emit("I was about to "); err != nil {
			return err
		}
		return &providers.Error{Provider: "scribe", Class: class, Reason: "TEST", Cause: errors.New("as told")}
	}
}

// world is the chat package on real Postgres and Redis.
type world struct {
	store   *postgres.Store
	hub     *events.Hub
	service *chat.Service
	deps    chat.ReplierDeps
	replier *chat.Replier
	runner  *task.Runner // of the replier
	scribe  atomic.Pointer[scribe]
	sql     *pgx.Conn
	user    db.User
	chat    db.Chat
}

func setup(t *testing.T, change ...func(*chat.ReplierDeps)) *world {
	t.Helper()
	dsn, log := pgtest.New(t), slog.New(slog.DiscardHandler)
	w := &world{store: factory.StoreAt(t, dsn)}
	var err error
	w.sql, err = pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.sql.Close(context.Background())) })
	w.hub, err = events.Open(events.Config{RedisURL: redistest.URL(t), Namespace: redistest.Namespace(t)}, log)
	require.NoError(t, err)
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.hub.Run(running) }()
	t.Cleanup(func() { stop(); <-done; require.NoError(t, w.hub.Close()) })
	require.Eventually(t, func() bool { return w.hub.Healthy() == nil }, long, time.Millisecond)

	w.service = chat.NewService(chat.Deps{
		Store: w.store, Events: w.hub, Enqueue: func(context.Context, uuid.UUID) error { return nil }, UserReplies: 3,
		Now: time.Now, NewID: factory.ID, Log: log,
	})
	w.deps = chat.ReplierDeps{
		Store: w.store, Text: w, Model: "quill", Catalog: catalog.New(func(string) bool { return true }, nil), Events: w.hub,
		Log: log, Lease: time.Minute, Backoff: func(int32) time.Duration { return 0 }, PublishEvery: time.Millisecond,
		Check: func(_ context.Context, _ uuid.UUID, draft []byte) (json.RawMessage, error) {
			if !json.Valid(draft) {
				return nil, errors.New("no draft")
			}
			return draft, nil
		},
	}
	for _, c := range change {
		c(&w.deps)
	}
	w.replier = chat.NewReplier(w.deps)
	w.runner = &task.Runner{Kind: w.replier, Name: queue.Reply, Events: w.hub, Log: w.deps.Log}
	w.write(says("Sure."))
	w.user = factory.User(t, w.store, 0)
	w.chat, err = w.service.Create(t.Context(), w.user.ID, "", nil)
	require.NoError(t, err)
	return w
}

// Reply is what the world's scribe does.
func (w *world) Reply(ctx context.Context, req providers.TextRequest, emit func(string) error) (providers.Meta, error) {
	return w.scribe.Load().Reply(ctx, req, emit)
}

func (w *world) write(s scribe) { w.scribe.Store(&s) }

// ask sends a message and returns the reply to come.
func (w *world) ask(t *testing.T, content string) chat.Message {
	t.Helper()
	sent, _, err := w.service.Send(t.Context(), w.user.ID, w.chat.ID, content, true, idempotency.Key{})
	require.NoError(t, err)
	return *sent.Reply
}

// run has the reply written, to the end of one attempt.
func (w *world) run(t *testing.T, reply chat.Message) chat.Message {
	t.Helper()
	require.NoError(t, w.runner.Run(t.Context(), reply.ID))
	return w.read(t, reply)
}

func (w *world) read(t *testing.T, reply chat.Message) chat.Message {
	t.Helper()
	list, err := w.service.Messages(t.Context(), w.user.ID, w.chat.ID, reply.Seq-1, 1)
	require.NoError(t, err)
	require.Equal(t, reply.ID, list[0].ID)
	return list[0]
}

// exec changes rows behind the product's back: it lets time pass.
func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := w.sql.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}
