package load_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/password"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/test/devstack"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
	"github.com/mugshot-studio/backend/test/load"
)

const (
	streamCount = 10_000
	crowd       = 1_000 // readers of one job
	secret      = "paint-the-sky-9"
)

// BenchmarkStreams opens 10,000 event streams at one API process of the built program. It measures the memory of a stream, and the
// time of an event to the one reader of its job and to the last of a thousand. STREAMS_BINARY names another build to measure.
func BenchmarkStreams(b *testing.B) {
	f := setup(b)
	arrivals := make(chan arrival, crowd)
	before := f.usage(b)
	begun := time.Now()
	open, err := load.Open(b.Context(), f.server.HTTP, f.requests(), func(stream int, id string, at time.Time) {
		arrivals <- arrival{stream: stream, id: id, at: at}
	})
	require.NoError(b, err)
	defer open.Close()
	opened := time.Since(begun)
	time.Sleep(20 * time.Second) // a heartbeat for each, and one or two garbage collections
	after := f.usage(b)
	b.Logf("%d streams, opened in %.1f s: %.1f kB of memory a stream (stacks %.1f, heap %.1f), %.2f goroutines a stream",
		streamCount, opened.Seconds(), (after.RSS-before.RSS)/streamCount/1e3, (after.Stack-before.Stack)/streamCount/1e3,
		(after.Heap-before.Heap)/streamCount/1e3, (after.Goroutines-before.Goroutines)/streamCount)
	b.ReportMetric((after.RSS-before.RSS)/streamCount, "RSS-B/stream")
	b.ReportMetric((after.Goroutines-before.Goroutines)/streamCount, "goroutines/stream")

	idle := time.Now()
	time.Sleep(15 * time.Second)
	later := f.usage(b)
	b.Logf("silent but for heartbeats: %.1f %% of a core", 100*(later.CPU-after.CPU)/time.Since(idle).Seconds())

	var one, all []time.Duration
	version := int64(1)
	for b.Loop() {
		version++
		for i := range 500 {
			job := f.jobs[1+i*17] // the first job is the crowd's
			one = append(one, f.publish(b, job, version, 1, arrivals))
			time.Sleep(2 * time.Millisecond)
		}
		for i := range int64(20) {
			all = append(all, f.publish(b, f.jobs[0], version*100+i, crowd, arrivals))
			time.Sleep(20 * time.Millisecond)
		}
	}
	b.Logf("an event to its reader: median %.2f ms, p99 %.2f ms", ms(load.Percentile(one, 50)), ms(load.Percentile(one, 99)))
	b.Logf("an event to the last of %d readers: median %.1f ms, p99 %.1f ms", crowd,
		ms(load.Percentile(all, 50)), ms(load.Percentile(all, 99)))
	b.ReportMetric(ms(load.Percentile(one, 50)), "one-p50-ms")
	b.ReportMetric(ms(load.Percentile(one, 99)), "one-p99-ms")
	b.ReportMetric(ms(load.Percentile(all, 99)), "crowd-p99-ms")
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

type arrival struct {
	stream int
	id     string
	at     time.Time
}

// fixture is an API process with an account and its jobs: one for each stream, and one that the crowd's streams share.
type fixture struct {
	server *load.Server
	hub    *events.Hub
	token  string
	jobs   []db.Job // the first is the crowd's
}

func setup(b *testing.B) *fixture {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	redis, err := devstack.StartRedis(ctx, devstack.RedisConfig{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, redis.Stop()) })
	dsn := pgtest.New(b)
	f := &fixture{}
	f.start(b, dsn, redis.URL())
	f.hub, err = events.Open(events.Config{RedisURL: redis.URL()}, slog.New(slog.DiscardHandler))
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, f.hub.Close()) })
	f.fill(b, dsn)
	return f
}

func (f *fixture) start(b *testing.B, dsn, redisURL string) {
	b.Helper()
	dir := b.TempDir()
	binary := os.Getenv("STREAMS_BINARY")
	if binary == "" {
		binary = filepath.Join(dir, "mugshot")
		said, err := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "../../cmd/mugshot").CombinedOutput()
		require.NoError(b, err, "%s", said)
	}
	env := []string{
		"DATABASE_URL=" + dsn, "REDIS_URL=" + redisURL, "DEV_DIR=" + dir, "JWT_SECRET=secret-of-the-load-tests-0123456789",
		"RATE_LIMIT_FACTOR=1000000", "API_USER_STREAMS=1000000", "ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1", "HOME=" + dir,
	}
	setup := exec.CommandContext(b.Context(), binary, "storage", "setup")
	setup.Env = env
	said, err := setup.CombinedOutput()
	require.NoError(b, err, "%s", said)
	f.server, err = load.Start(b.Context(), binary, freeAddress(b), freeAddress(b), env, "api")
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, f.server.Stop()) })
}

func freeAddress(b *testing.B) string {
	b.Helper()
	port, err := devstack.FreePort()
	require.NoError(b, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// fill makes an account with a session, and the jobs, for which there is no worker.
func (f *fixture) fill(b *testing.B, dsn string) {
	b.Helper()
	store := factory.StoreAt(b, dsn)
	user := factory.User(b, store, 0)
	project := factory.Project(b, store, user.ID, nil)
	conn, err := pgx.Connect(b.Context(), dsn)
	require.NoError(b, err)
	defer func() { _ = conn.Close(context.WithoutCancel(b.Context())) }()
	hasher, err := password.New(password.Params{Memory: 64, Iterations: 1, Parallelism: 1}, 0)
	require.NoError(b, err)
	hash, err := hasher.Hash(b.Context(), secret)
	require.NoError(b, err)
	_, err = conn.Exec(b.Context(), "update users set password_hash = $1 where id = $2", hash, user.ID)
	require.NoError(b, err)
	ids := make([]uuid.UUID, streamCount-crowd+1)
	for i := range ids {
		ids[i] = factory.ID()
	}
	_, err = conn.Exec(b.Context(), `
		insert into jobs (id, project_id, user_id, prompt_id, mode, platform, model, quality, variants, width, height, seed, cost_credits)
		select unnest($1::uuid[]), p.id, p.user_id, (select id from prompts where project_id = p.id limit 1),
			'design', 'youtube', 'local', 'draft', 1, 1280, 720, 1, 1
		from projects p where p.id = $2`, ids, project.ID)
	require.NoError(b, err)
	for _, id := range ids {
		job, err := store.Queries().JobGet(b.Context(), db.JobGetParams{ID: id, UserID: user.ID})
		require.NoError(b, err)
		f.jobs = append(f.jobs, job)
	}
	c, err := client.NewClientWithResponses("http://" + f.server.HTTP + "/api/v1")
	require.NoError(b, err)
	res, err := c.SignInWithResponse(b.Context(), client.SignInRequest{Email: user.Email, Password: secret})
	require.NoError(b, err)
	require.NotNil(b, res.JSON200, "%s", res.Body)
	f.token = res.JSON200.SessionToken
}

func (f *fixture) requests() []load.Request {
	requests := make([]load.Request, streamCount)
	for i := range requests {
		job := f.jobs[max(0, i-crowd+1)]
		requests[i] = load.Request{Path: "/api/v1/jobs/" + job.ID.String() + "/events", Token: f.token}
	}
	return requests
}

// publish publishes a job's next version, and returns how long it took until so many readers had received it.
func (f *fixture) publish(b *testing.B, job db.Job, version int64, readers int, arrivals <-chan arrival) time.Duration {
	b.Helper()
	job.Version = version
	payload, err := json.Marshal(jobs.View{Job: job})
	require.NoError(b, err)
	begun := time.Now()
	require.NoError(b, f.hub.Publish(b.Context(), "job:"+job.ID.String(), payload))
	last := begun
	for range readers {
		select {
		case a := <-arrivals:
			require.Equal(b, strconv.FormatInt(version, 10), a.id)
			if a.at.After(last) {
				last = a.at
			}
		case <-time.After(10 * time.Second):
			require.FailNow(b, "an event did not arrive")
		}
	}
	return last.Sub(begun)
}

func (f *fixture) usage(b *testing.B) load.Usage {
	b.Helper()
	u, err := f.server.Usage(b.Context())
	require.NoError(b, err)
	return u
}
