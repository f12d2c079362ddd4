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
	"github.com/mugshot-studio/backend/internal/projects"
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
		if err := sink.Begin(ctx, variant); err != nil {
			return err
		}
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

// fixture is the jobs package on real Postgres and Redis.
type fixture struct {
	store     *postgres.Store
	service   *jobs.Service
	renderer  *jobs.Renderer
	runner    *task.Runner // of the renderer
	objects   *filesystem.Store
	moderator *factory.Moderator
	pushed    chan uuid.UUID
	balances  balances
	painter   atomic.Pointer[painter]
	user      db.User
	project   db.Project
}

// setup makes a fixture with an account of a balance, a project and a painter that paints. Leases last for lease.
func setup(t testing.TB, balance int64, lease time.Duration) *fixture {
	t.Helper()
	return setupLimited(t, balance, lease, jobs.Limits{})
}

// setupLimited is setup with limits.
func setupLimited(t testing.TB, balance int64, lease time.Duration, limits jobs.Limits) *fixture {
	t.Helper()
	f := &fixture{store: factory.Store(t), pushed: make(chan uuid.UUID, 1000), moderator: new(factory.Moderator)}
	f.paint(paints)
	log := slog.New(slog.DiscardHandler)
	hub, err := events.Open(events.Config{RedisURL: redistest.URL(t), Namespace: redistest.Namespace(t)}, log)
	require.NoError(t, err)
	running, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); hub.Run(running) }()
	t.Cleanup(func() { stop(); <-done; require.NoError(t, hub.Close()) })
	f.objects, err = filesystem.New(filesystem.Config{
		Root: t.TempDir(), BaseURL: "http://storage.test", Key: bytes.Repeat([]byte("k"), filesystem.MinKeyBytes), Now: time.Now,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.objects.Close()) })
	require.NoError(t, f.objects.EnsureBuckets(t.Context(), storage.Buckets()))
	moderator := factory.Safety(f.store, f.moderator)
	f.service = jobs.NewService(jobs.Deps{
		Store: f.store, Safety: moderator, Catalog: catalog.New(func(id string) bool { return id != "seedream" }, nil), Events: hub,
		Enqueue: f.push, Limits: limits, OnBalanceChange: f.balances.add, Now: time.Now, NewID: factory.ID, Log: log,
	})
	f.renderer = jobs.NewRenderer(jobs.RendererDeps{
		Store: f.store, Assets: assets.NewService(f.store, f.objects), Objects: f.objects, Safety: moderator, Events: hub,
		NewID: factory.ID, Log: log, Enqueue: f.push, Limits: limits, OnBalanceChange: f.balances.add, Lease: lease, Backoff: func(int32) time.Duration { return 0 },
		Models: func(string) (providers.Image, string, bool) { return *f.painter.Load(), "painter-1", true },
	})
	f.runner = &task.Runner{Kind: f.renderer, Name: queue.Generate, Events: hub, Log: log}
	f.user = factory.User(t, f.store, balance)
	f.project = factory.Project(t, f.store, f.user.ID, nil)
	return f
}

func (f *fixture) push(_ context.Context, id uuid.UUID) error {
	f.pushed <- id
	return nil
}

func (f *fixture) paint(p painter) { f.painter.Store(&p) }

// request queues the fixture's project.
func (f *fixture) request(t *testing.T, o jobs.JobRequest) uuid.UUID {
	t.Helper()
	queued, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, o, noKey)
	require.NoError(t, err)
	require.Equal(t, queued.JobID, <-f.pushed)
	return queued.JobID
}

func (f *fixture) job(t *testing.T, id uuid.UUID) jobs.View {
	t.Helper()
	view, err := f.service.Get(t.Context(), f.user.ID, id)
	require.NoError(t, err)
	return view
}

// stored counts the objects in the bucket of renders.
func (f *fixture) stored(t *testing.T) int {
	t.Helper()
	page, err := f.objects.List(t.Context(), storage.BucketRenders, "", "", storage.MaxPage)
	require.NoError(t, err)
	return len(page.Entries)
}

func (f *fixture) projectStatus(t *testing.T) string {
	t.Helper()
	row, err := projects.Read(t.Context(), f.store.Queries(), f.user.ID, f.project.ID)
	require.NoError(t, err)
	return row.Status
}
