package ledger_test

import (
	"bytes"
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/ops/ledger"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// fixture is a Checker over an account that queues jobs.
type fixture struct {
	*ledger.Checker

	store   *postgres.Store
	jobs    *jobs.Service
	user    db.User
	project db.Project
}

func setup(t *testing.T, balance int64) *fixture {
	t.Helper()
	f := &fixture{store: factory.Store(t)}
	log := slog.New(slog.DiscardHandler)
	hub, err := events.Open(events.Config{RedisURL: redistest.URL(t), Namespace: redistest.Namespace(t)}, log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, hub.Close()) })
	objects, err := filesystem.New(filesystem.Config{
		Root: t.TempDir(), BaseURL: "http://storage.test", Key: bytes.Repeat([]byte("k"), filesystem.MinKeyBytes), Now: time.Now,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, objects.Close()) })
	require.NoError(t, objects.EnsureBuckets(t.Context(), storage.Buckets()))
	f.jobs = jobs.NewService(jobs.Deps{
		Store: f.store, Catalog: catalog.New(func(string) bool { return true }, nil), Events: hub,
		Safety: factory.Safety(f.store, new(factory.Moderator)), Enqueue: func(context.Context, uuid.UUID) error { return nil },
		Now: time.Now, NewID: factory.ID, Log: log,
	})
	f.Checker = ledger.New(f.store, objects)
	f.user = factory.User(t, f.store, balance)
	f.project = factory.Project(t, f.store, f.user.ID, nil)
	return f
}

func (f *fixture) queue(t *testing.T) uuid.UUID {
	t.Helper()
	queued, _, err := f.jobs.Queue(t.Context(), f.user.ID, f.project.ID, jobs.JobRequest{Quality: catalog.Draft, Variants: 1}, idempotency.Key{})
	require.NoError(t, err)
	return queued.JobID
}

// succeed ends a job that was not drawn.
func (f *fixture) succeed(t *testing.T, id uuid.UUID) {
	t.Helper()
	tag, err := f.store.Pool().Exec(t.Context(), `update jobs set status = 'succeeded', stage = 'done', progress = 100, attempt = 1,
		started_at = now(), finished_at = now() where id = $1`, id)
	require.NoError(t, err)
	require.EqualValues(t, 1, tag.RowsAffected())
}
