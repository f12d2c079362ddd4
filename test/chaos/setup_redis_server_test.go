//go:build redis_server

package chaos_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/proto"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/internal/platform/migrate"
	"github.com/mugshot-studio/backend/internal/platform/queue"
	"github.com/mugshot-studio/backend/internal/platform/storage"
	"github.com/mugshot-studio/backend/internal/platform/storage/filesystem"
	"github.com/mugshot-studio/backend/migrations"
	"github.com/mugshot-studio/backend/test/devstack"
)

const (
	long = 45 * time.Second // bounds every wait, on a loaded machine too

	lease     = time.Second     // the shortest that is allowed: it expires in each silence of the network
	deadline  = 3 * time.Second // of an attempt; a vendor may hang for longer than the lease
	orphanAge = 15 * time.Second

	userJobs, providerCalls = 4, 12
)

// web never keeps a connection, so that none outlives the process at its other end.
var web = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// fixture is a deployment: two APIs, three workers, Postgres, Redis and a vendor.
type fixture struct {
	seed     uint64
	random   *rand.Rand // of the test's own goroutine
	dir      string
	postgres *devstack.Postgres
	redis    *devstack.Redis
	vendor   *vendor
	sql      *pgxpool.Pool // straight to the server, past the links
	members  []*member
}

func (f *fixture) apis() []*member    { return f.members[:2] }
func (f *fixture) workers() []*member { return f.members[2:] }

func setup(t *testing.T, seed uint64) *fixture {
	t.Helper()
	f := &fixture{seed: seed, random: rand.New(rand.NewPCG(seed, 0)), dir: t.TempDir(), vendor: newVendor(t, seed)}
	ctx, cancel := context.WithTimeout(t.Context(), 2*long)
	defer cancel()
	var err error
	f.postgres, err = devstack.StartScratchPostgres(ctx, devstack.PostgresConfig{Port: freePort(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.postgres.Stop()) })
	require.NoError(t, f.postgres.EnsureDatabase(ctx, "chaos"))
	dsn := f.postgres.DSN("chaos")
	_, err = migrate.Up(ctx, dsn, migrations.FS, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	f.sql, err = pgxpool.New(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(f.sql.Close)
	f.redis, err = devstack.StartRedis(ctx, devstack.RedisConfig{Port: freePort(t), Dir: t.TempDir(), Durable: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.redis.Stop()) })
	require.NoError(t, f.objects(t).EnsureBuckets(ctx, storage.Buckets()))

	minutes := func() time.Duration { return time.Duration(1+f.random.IntN(10)) * time.Minute }
	for _, m := range []*member{
		{name: "api 0", role: "api", slots: 1},
		{name: "api 1", role: "api", slots: 1, skew: minutes()},
		{name: "worker 0", role: "worker", slots: 2}, // soon full, so that it is killed with a task that it has fetched and not begun
		{name: "worker 1", role: "worker", slots: 6, skew: minutes()},
		{name: "worker 2", role: "worker", slots: 6, skew: -minutes()},
	} {
		f.connect(t, m)
	}
	t.Cleanup(func() {
		for _, m := range f.members {
			m.kill()
			if t.Failed() {
				t.Logf("%s said:\n%s", m.name, m.output.last(15))
			}
		}
	})
	for _, m := range f.members {
		m.start(t)
	}
	for _, m := range f.members {
		await(t, m.name+" is ready", m.ready)
	}
	return f
}

// connect gives a member its addresses, its links and its environment.
func (f *fixture) connect(t *testing.T, m *member) {
	t.Helper()
	through := func(raw string) (*link, string) {
		u, err := url.Parse(raw)
		require.NoError(t, err)
		l := newLink(t, u.Host)
		u.Host = l.address()
		return l, u.String()
	}
	var postgres, redis string
	m.postgres, postgres = through(f.postgres.DSN("chaos"))
	m.redis, redis = through(f.redis.URL())
	m.dir, m.http, m.admin = f.dir, freeAddress(t), freeAddress(t)
	m.env = []string{
		"HTTP_ADDR=" + m.http, "ADMIN_ADDR=" + m.admin, "DATABASE_URL=" + postgres, "REDIS_URL=" + redis,
		"DATABASE_MAX_CONNS=8", "DEV_DIR=" + f.dir, "JWT_SECRET=" + secret, "SESSION_TOKEN_TTL=12h", "RATE_LIMIT_FACTOR=10000",
		"ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1", "LOG_LEVEL=warn", "DRAIN_TIMEOUT=2s",
		"GEMINI_API_KEY=chaos", "GEMINI_BASE_URL=" + f.vendor.URL, "PROVIDER_FAILURES=8", "PROVIDER_REST=1s",
		"JOB_LEASE=" + lease.String(), "WORKER_GENERATE_DEADLINE=" + deadline.String(), "STORAGE_ORPHAN_AGE=" + orphanAge.String(),
		"STORAGE_SWEEP_GRACE=0s",
		"WORKER_GENERATE_SLOTS=" + strconv.Itoa(m.slots), "WORKER_USER_JOBS=" + strconv.Itoa(userJobs), "PROVIDER_MAX_CALLS=" + strconv.Itoa(providerCalls),
	}
	f.members = append(f.members, m)
}

const secret = "secret-of-the-chaos-suite-0123456789"

// freePort finds a port below those that systems give to outgoing connections, so that a process that is started again still
// finds its own port free.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 12_000 + rand.IntN(20_000)
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	require.FailNow(t, "no port is free")
	return 0
}

func freeAddress(t *testing.T) string {
	t.Helper()
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(freePort(t)))
}

// objects is the storage that all members share.
func (f *fixture) objects(t *testing.T) storage.Store {
	t.Helper()
	objects, err := filesystem.New(filesystem.Config{
		Root: f.dir + "/storage", BaseURL: "http://localhost/storage/", Key: []byte(secret), Now: time.Now,
		Log: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = objects.Close() })
	return objects
}

// queueLater opens the queue with a clock two minutes ahead, by which every worker pool without a process has been silent for
// long enough to be given up.
func (f *fixture) queueLater(t *testing.T) *queue.Queue {
	t.Helper()
	q, err := queue.Open(queue.Config{
		RedisURL: f.redis.URL(), CallTimeout: 5 * time.Second, Now: func() time.Time { return time.Now().Add(2 * time.Minute) },
	}, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, q.Close()) })
	return q
}

// command sends one command to Redis and returns the raw reply.
func (f *fixture) command(args ...string) (reply string, err error) {
	u, err := url.Parse(f.redis.URL())
	if err != nil {
		return "", err
	}
	conn, err := proto.Dial(u.Host)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	password, _ := u.User.Password()
	for _, c := range [][]string{{"AUTH", password}, args} {
		if reply, err = conn.Do(c...); err != nil {
			return "", err
		}
	}
	return reply, nil
}

// count returns the number that a query yields, and waits for Postgres if it is down.
func (f *fixture) count(t *testing.T, sql string, args ...any) int {
	t.Helper()
	var n int
	var err error
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = f.sql.QueryRow(t.Context(), sql, args...).Scan(&n); err == nil {
			return n
		}
	}
	require.NoError(t, err, sql)
	return n
}

// await waits until a condition holds, and ends the test when that takes too long.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	if !comes(condition) {
		require.FailNow(t, "waited "+long.String()+" in vain: "+what)
	}
}

// comes tells whether a condition holds within long.
func comes(condition func() bool) bool {
	for end := time.Now().Add(long); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// seedOf returns SEED of the environment, or a random one.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	given := os.Getenv("SEED")
	if given == "" {
		return uint64(rand.Uint32())
	}
	seed, err := strconv.ParseUint(given, 10, 64)
	require.NoError(t, err, "SEED is a whole number")
	return seed
}
