package worker_test

import (
	"context"
	"log/slog"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/proto"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/outbox"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/worker"
	"github.com/mugshot-studio/backend/test/devstack"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

// long bounds waits for what must happen, on a machine however loaded.
const long = 30 * time.Second

// balance is what the fixture's account begins with.
const balance = 100

// fixture is a sweeper on a Postgres database and a Redis server of its own, with what it looks after. No worker runs, so
// that what is pushed stays on the lists to be counted.
type fixture struct {
	store    *postgres.Store
	redis    *devstack.Redis
	queue    *queue.Queue
	service  *jobs.Service
	renderer *jobs.Renderer
	sweeper  *worker.Sweeper
	sql      *pgx.Conn
	user     db.User
	project  db.Project
	request  jobs.JobRequest
	refuse   atomic.Bool // whether the API's pushes fail
}

func setup(t *testing.T) *fixture {
	t.Helper()
	dsn, log := pgtest.New(t), slog.New(slog.DiscardHandler)
	f := &fixture{store: factory.StoreAt(t, dsn), request: jobs.JobRequest{Quality: catalog.Draft, Variants: 1}}
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	var err error
	f.redis, err = devstack.StartRedis(ctx, devstack.RedisConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.redis.Stop()) })
	f.queue, err = queue.Open(queue.Config{RedisURL: f.redis.URL(), CallTimeout: 5 * time.Second}, log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.queue.Close()) })
	hub, err := events.Open(events.Config{RedisURL: f.redis.URL()}, log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, hub.Close()) })
	f.sql, err = pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.sql.Close(context.Background())) })

	f.service = jobs.NewService(jobs.Deps{
		Store: f.store, Catalog: catalog.New(func(string) bool { return true }, nil), Events: hub,
		Safety: factory.Safety(f.store, new(factory.Moderator)),
		Enqueue: func(ctx context.Context, id uuid.UUID) error {
			if f.refuse.Load() {
				return errRefused
			}
			return f.queue.Push(ctx, queue.Generate, id)
		},
		Now: time.Now, NewID: factory.ID, Log: log,
	})
	f.renderer = jobs.NewRenderer(jobs.RendererDeps{Store: f.store, Events: hub, NewID: factory.ID, Log: log, Lease: time.Minute})
	f.sweeper = &worker.Sweeper{
		Queue: f.queue, Exclusive: f.store.Exclusive, Now: f.store.Queries().DatabaseNow, Log: log,
		Tasks: []worker.Task{
			{Name: queue.Generate, Kind: f.renderer}, {Name: queue.Mail, Kind: outbox.NewMailer(outbox.Deps{Store: f.store})},
		},
	}
	f.user = factory.User(t, f.store, balance)
	f.project = factory.Project(t, f.store, f.user.ID, nil)
	return f
}

// settled is setup after a first sweep, which finds a Redis that was never filled.
func settled(t *testing.T) *fixture {
	t.Helper()
	f := setup(t)
	f.sweep(t)
	return f
}

func (f *fixture) sweep(t *testing.T) {
	t.Helper()
	require.NoError(t, f.sweeper.Sweep(t.Context(), false))
}

// job queues one the way the API does, pushed.
func (f *fixture) job(t *testing.T) uuid.UUID {
	t.Helper()
	queued, _, err := f.service.Queue(t.Context(), f.user.ID, f.project.ID, f.request, idempotency.Key{})
	require.NoError(t, err)
	return queued.JobID
}

// backlog writes rows of queued jobs that count as just pushed.
func (f *fixture) backlog(t *testing.T, n int) {
	t.Helper()
	f.exec(t, `insert into jobs (id, project_id, user_id, prompt_id, mode, platform, model, quality, variants, width, height,
			seed, cost_credits, pushed_at)
		select gen_random_uuid(), p.id, p.user_id, p.prompt_id, p.mode, p.platform, 'fal_flux', 'draft', 1, 16, 9, 0, 0, now()
		from projects p cross join generate_series(1, $1::int)`, n)
}

// byPush lists the jobs, those first that were pushed last.
func (f *fixture) byPush(t *testing.T) []uuid.UUID {
	t.Helper()
	rows, err := f.sql.Query(t.Context(), "select id from jobs order by pushed_at desc, id")
	require.NoError(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	require.NoError(t, err)
	return ids
}

// claim begins an attempt, as a worker does.
func (f *fixture) claim(t *testing.T, id uuid.UUID) db.JobClaimRow {
	t.Helper()
	row, err := postgres.First(f.store.Queries().JobClaim(t.Context(), db.JobClaimParams{Ids: []uuid.UUID{id}, LeaseSeconds: 60, MaxAttempts: jobs.MaxAttempts}))
	require.NoError(t, err)
	return row
}

func (f *fixture) row(t *testing.T, id uuid.UUID) db.Job {
	t.Helper()
	row, err := f.store.Queries().JobGet(t.Context(), db.JobGetParams{ID: id, UserID: f.user.ID})
	require.NoError(t, err)
	return row
}

// exec changes rows behind the product's back: it lets time pass.
func (f *fixture) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	tag, err := f.sql.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
	require.NotZero(t, tag.RowsAffected(), sql)
}

// age moves all jobs and their last push into the past.
func (f *fixture) age(t *testing.T, by time.Duration) {
	t.Helper()
	f.exec(t, "update jobs set run_at = run_at - by.time, pushed_at = pushed_at - by.time "+
		"from (select make_interval(secs => $1::float8) as time) by", by.Seconds())
}

func (f *fixture) depth(t *testing.T, kind queue.Kind) int {
	t.Helper()
	n, err := f.queue.Depth(t.Context(), kind)
	require.NoError(t, err)
	return int(n)
}

// command sends one command to the fixture's Redis.
func (f *fixture) command(t *testing.T, args ...string) {
	t.Helper()
	u, err := url.Parse(f.redis.URL())
	require.NoError(t, err)
	client, err := proto.Dial(u.Host)
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	password, _ := u.User.Password()
	for _, c := range [][]string{{"AUTH", password}, args} {
		reply, err := client.Do(c...)
		require.NoError(t, err)
		require.NotEqual(t, byte('-'), reply[0], reply)
	}
}

// failing is a queue that refuses tasks.
type failing struct {
	worker.Transport
	kind   queue.Kind   // of the tasks that it refuses; empty: all
	spared atomic.Int32 // how many pushes succeed before
	before func()       // called before each refusal, unless nil
}

func (f *failing) PushAll(ctx context.Context, kind queue.Kind, ids []uuid.UUID) error {
	if f.kind != "" && f.kind != kind || f.spared.Add(-1) >= 0 {
		return f.Transport.PushAll(ctx, kind, ids)
	}
	if f.before != nil {
		f.before()
	}
	return errRefused
}
