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

// fixture is the chat package on real Postgres and Redis.
type fixture struct {
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

func setup(t *testing.T, change ...func(*chat.ReplierDeps)) *fixture {
	t.Helper()
	dsn, log := pgtest.New(t), slog.New(slog.DiscardHandler)
	f := &fixture{store: factory.StoreAt(t, dsn)}
	var err error
	f.sql, err = pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.sql.Close(context.Background())) })
	f.hub, err = events.Open(events.Config{RedisURL: redistest.URL(t), Namespace: redistest.Namespace(t)}, log)
	require.NoError(t, err)
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f.hub.Run(running) }()
	t.Cleanup(func() { stop(); <-done; require.NoError(t, f.hub.Close()) })
	require.Eventually(t, func() bool { return f.hub.Healthy() == nil }, long, time.Millisecond)

	f.service = chat.NewService(chat.Deps{
		Store: f.store, Events: f.hub, Enqueue: func(context.Context, uuid.UUID) error { return nil }, UserReplies: 3,
		Now: time.Now, NewID: factory.ID, Log: log,
	})
	f.deps = chat.ReplierDeps{
		Store: f.store, Text: f, Model: "quill", Catalog: catalog.New(func(string) bool { return true }, nil), Events: f.hub,
		Log: log, Lease: time.Minute, Backoff: func(int32) time.Duration { return 0 }, PublishEvery: time.Millisecond,
		Check: func(_ context.Context, _ uuid.UUID, draft []byte) (json.RawMessage, error) {
			if !json.Valid(draft) {
				return nil, errors.New("no draft")
			}
			return draft, nil
		},
	}
	for _, c := range change {
		c(&f.deps)
	}
	f.replier = chat.NewReplier(f.deps)
	f.runner = &task.Runner{Kind: f.replier, Name: queue.Reply, Events: f.hub, Log: f.deps.Log}
	f.write(says("Sure."))
	f.user = factory.User(t, f.store, 0)
	f.chat, err = f.service.Create(t.Context(), f.user.ID, "", nil)
	require.NoError(t, err)
	return f
}

// Reply is what the fixture's scribe does.
func (f *fixture) Reply(ctx context.Context, req providers.TextRequest, emit func(string) error) (providers.Meta, error) {
	return f.scribe.Load().Reply(ctx, req, emit)
}

func (f *fixture) write(s scribe) { f.scribe.Store(&s) }

// ask sends a message and returns the reply to come.
func (f *fixture) ask(t *testing.T, content string) chat.Message {
	t.Helper()
	sent, _, err := f.service.Send(t.Context(), f.user.ID, f.chat.ID, content, true, idempotency.Key{})
	require.NoError(t, err)
	return *sent.Reply
}

// run has the reply written, to the end of one attempt.
func (f *fixture) run(t *testing.T, reply chat.Message) chat.Message {
	t.Helper()
	require.NoError(t, f.runner.Run(t.Context(), reply.ID))
	return f.read(t, reply)
}

func (f *fixture) read(t *testing.T, reply chat.Message) chat.Message {
	t.Helper()
	list, err := f.service.Messages(t.Context(), f.user.ID, f.chat.ID, reply.Seq-1, 1)
	require.NoError(t, err)
	require.Equal(t, reply.ID, list[0].ID)
	return list[0]
}

// exec changes rows behind the product's back: it lets time pass.
func (f *fixture) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := f.sql.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}
