package jobs_test

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/assets"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/internal/providers"
	"github.com/mugshot-studio/backend/internal/worker/task"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// painter is a provider whose behaviour is the test's.
type painter func(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error

func (p painter) Generate(
	ctx context.Context, req providers.ImageRequest, sink providers.Sink,
) (providers.ImageResult, error) {
	return providers.ImageResult{Meta: providers.Meta{ProviderName: "painter", Model: req.Model}}, p(ctx, req, sink)
}

// paints draws every variant, a small gray picture each.
func paints(ctx context.Context, req providers.ImageRequest, sink providers.Sink) error {
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, image.NewGray(image.Rect(0, 0, 16, 9))); err != nil {
		return err
	}
	for variant := 1; variant <= req.Variants; variant++ {
		if _, err := sink.Put(ctx, variant, providers.Picture{ContentType: "image/png", Data: encoded.Bytes()}); err != nil {
			return err
		}
	}
	return nil
}

// failsWith draws nothing.
func failsWith(class providers.Class) painter {
	return func(context.Context, providers.ImageRequest, providers.Sink) error {
		return &providers.Error{Provider: "painter", Class: class, Reason: "TEST"}
	}
}

// world is the jobs package on real Postgres and Redis.
type world struct {
	store    *postgres.Store
	service  *jobs.Service
	renderer *jobs.Renderer
	runner   *task.Runner // of the renderer
	objects  *filesystem.Store
	judge    *factory.Moderator
	pushed   chan uuid.UUID
	moved    told
	painter  atomic.Pointer[painter]
	user     db.User
	project  db.Project
}

// setup makes a world with an account of a balance, a project and a painter that paints. Leases last for lease.
func setup(t testing.TB, balance int64, lease time.Duration) *world {
	t.Helper()
	return setupLimited(t, balance, lease, jobs.Limits{})
}

// setupLimited is setup with limits.
func setupLimited(t testing.TB, balance int64, lease time.Duration, limits jobs.Limits) *world {
	t.Helper()
	w := &world{store: factory.Store(t), pushed: make(chan uuid.UUID, 1000), judge: new(factory.Moderator)}
	w.paint(paints)
	log := slog.New(slog.DiscardHandler)
	hub, err := events.Open(events.Config{RedisURL: redistest.URL(t), Namespace: redistest.Namespace(t)}, log)
	require.NoError(t, err)
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); hub.Run(running) }()
	t.Cleanup(func() { stop(); <-done; require.NoError(t, hub.Close()) })
	w.objects, err = filesystem.New(filesystem.Config{
		Root: t.TempDir(), BaseURL: "http://storage.test", Key: bytes.Repeat([]byte("k"), filesystem.MinKeyBytes), Now: time.Now,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.objects.Close()) })
	require.NoError(t, w.objects.EnsureBuckets(t.Context(), storage.Buckets()))
	moderator := factory.Safety(w.store, w.judge)
	w.service = jobs.NewService(jobs.Deps{
		Store: w.store, Safety: moderator, Catalog: catalog.New(func(id string) bool { return id != "seedream" }, nil), Events: hub,
		Enqueue: w.push, Limits: limits, OnBalanceChange: w.moved.add, Now: time.Now, NewID: factory.ID, Log: log,
	})
	w.renderer = jobs.NewRenderer(jobs.RendererDeps{
		Store: w.store, Assets: assets.NewService(w.store, w.objects), Objects: w.objects, Safety: moderator, Events: hub,
		NewID: factory.ID, Log: log, Enqueue: w.push, Limits: limits, OnBalanceChange: w.moved.add, Lease: lease, Backoff: func(int32) time.Duration { return 0 },
		Models: func(string) (providers.Image, string, bool) { return *w.painter.Load(), "painter-1", true },
	})
	w.runner = &task.Runner{Kind: w.renderer, Name: queue.Generate, Events: hub, Log: log}
	w.user = factory.User(t, w.store, balance)
	w.project = factory.Project(t, w.store, w.user.ID, nil)
	return w
}

func (w *world) push(_ context.Context, id uuid.UUID) error {
	w.pushed <- id
	return nil
}

func (w *world) paint(p painter) { w.painter.Store(&p) }

// order queues the world's project.
func (w *world) order(t *testing.T, o jobs.JobRequest) uuid.UUID {
	t.Helper()
	queued, _, err := w.service.Queue(t.Context(), w.user.ID, w.project.ID, o, noKey)
	require.NoError(t, err)
	require.Equal(t, queued.JobID, <-w.pushed)
	return queued.JobID
}

func (w *world) job(t *testing.T, id uuid.UUID) jobs.View {
	t.Helper()
	view, err := w.service.Get(t.Context(), w.user.ID, id)
	require.NoError(t, err)
	return view
}

// stored counts the objects in the bucket of renders.
func (w *world) stored(t *testing.T) int {
	t.Helper()
	page, err := w.objects.List(t.Context(), storage.BucketRenders, "", "", storage.MaxPage)
	require.NoError(t, err)
	return len(page.Entries)
}

func (w *world) projectStatus(t *testing.T) string {
	t.Helper()
	row, err := w.store.Queries().ProjectGet(t.Context(), db.ProjectGetParams{ID: w.project.ID, UserID: w.user.ID})
	require.NoError(t, err)
	return row.Project.Status
}
