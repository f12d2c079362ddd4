package process_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2/proto"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/auth/password"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/devstack"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// fixture is what the processes of one test share: a database, a Redis server, and a directory for pictures and mails.
// sql is the test's own connection.
type fixture struct {
	dsn   string // of the role that processes connect as
	admin string // of a superuser, where it is another
	redis *devstack.Redis
	dir   string
	store *postgres.Store
	sql   *pgx.Conn
}

// setup makes a fixture with a Redis of its own: a redis-server if there is one, else the embedded one.
func setup(t *testing.T) *fixture {
	t.Helper()
	return setupOn(t, newRedis(t))
}

func newRedis(t *testing.T) *devstack.Redis {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), long)
	defer cancel()
	redis, err := devstack.StartRedis(ctx, devstack.RedisConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, redis.Stop()) })
	return redis
}

func setupOn(t *testing.T, redis *devstack.Redis) *fixture {
	t.Helper()
	dsn, admin := pgtest.Runtime(t)
	return setupWith(t, redis, dsn, admin)
}

// setupWith makes a fixture on a database. The processes use dsn, as a role that owns nothing, and the test itself admin.
func setupWith(t *testing.T, redis *devstack.Redis, dsn, admin string) *fixture {
	t.Helper()
	f := &fixture{dsn: dsn, admin: admin, redis: redis, dir: t.TempDir()}
	f.store = factory.StoreAt(t, f.dsn)
	var err error
	f.sql, err = pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.sql.Close(context.Background())) })
	code, said := run(t, f.dir, f.env(), "storage", "setup")
	require.Zero(t, code, said)
	return f
}

// shortLease is for the tests that wait until the lease of a killed worker expires. The other tests keep the default, which does
// not expire on a busy machine.
const shortLease = "JOB_LEASE=2s"

func (f *fixture) env(more ...string) []string {
	return append([]string{
		"APP_ENV=development",
		"DATABASE_URL=" + f.dsn, "DATABASE_MAX_CONNS=6", "REDIS_URL=" + f.redis.URL(), "DEV_DIR=" + f.dir,
		"JWT_SECRET=secret-of-the-process-tests-0123456789", "RATE_LIMIT_FACTOR=10000",
		"ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1", "WORKER_GENERATE_SLOTS=2", "DRAIN_GRACE=0s",
	}, more...)
}

// api starts an API and waits until it is ready.
func (f *fixture) api(t *testing.T, env ...string) *process {
	t.Helper()
	p := start(t, f.dir, f.env(append([]string{"LOG_LEVEL=warn"}, env...)...), "api")
	p.awaitReady(t, p.http)
	return p
}

// worker starts a worker and waits until it is ready.
func (f *fixture) worker(t *testing.T, env ...string) *process {
	t.Helper()
	p := start(t, f.dir, f.env(env...), "worker")
	p.awaitReady(t, p.admin)
	return p
}

// command sends one command to Redis and returns the raw reply.
func (f *fixture) command(t *testing.T, args ...string) (reply string) {
	t.Helper()
	u, err := url.Parse(f.redis.URL())
	require.NoError(t, err)
	conn, err := proto.Dial(u.Host)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close()) }()
	secret, _ := u.User.Password()
	for _, c := range [][]string{{"AUTH", secret}, args} {
		reply, err = conn.Do(c...)
		require.NoError(t, err)
		require.False(t, strings.HasPrefix(reply, "-"), reply)
	}
	return reply
}

// awaitRestored waits until the sweeper has recorded in Redis that all waiting tasks are there.
func (f *fixture) awaitRestored(t *testing.T) {
	t.Helper()
	eventuallyf(t, func() bool { return strings.Contains(f.command(t, "GET", "{mugshot}:content"), "kept") }, "a first sweep")
}

// creator is an account with credits, a session and a project.
type creator struct {
	id      uuid.UUID
	email   string
	project uuid.UUID
	bearer  string
}

const goodPassword = "paint-the-sky-9"

// creator makes an account with a balance, and signs in through the API.
func (f *fixture) creator(t *testing.T, api *process, balance int64) creator {
	t.Helper()
	user := factory.User(t, f.store, balance)
	hasher, err := password.New(password.Params{Memory: 64, Iterations: 1, Parallelism: 1}, 0)
	require.NoError(t, err)
	hash, err := hasher.Hash(t.Context(), goodPassword)
	require.NoError(t, err)
	_, err = f.sql.Exec(t.Context(), "update users set password_hash = $1 where id = $2", hash, user.ID)
	require.NoError(t, err)
	project := factory.Project(t, f.store, user.ID, func(p *db.ProjectCreateParams) { p.Width, p.Height = 640, 360 }) // drawn quickly
	c := creator{id: user.ID, email: user.Email, project: project.ID}
	signedIn, err := c.at(api).SignInWithResponse(t.Context(), client.SignInRequest{
		Email: user.Email, Password: goodPassword,
	})
	require.NoError(t, err)
	require.NotNil(t, signedIn.JSON200, string(signedIn.Body))
	c.bearer = signedIn.JSON200.SessionToken
	return c
}

// at returns the creator's client of one API process.
func (c creator) at(api *process) *client.ClientWithResponses { return c.by(api, web) }

func (c creator) by(api *process, transport *http.Client) *client.ClientWithResponses {
	out, err := client.NewClientWithResponses("http://"+api.http+"/api/v1", client.WithHTTPClient(transport),
		client.WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
			if c.bearer != "" {
				r.Header.Set("Authorization", "Bearer "+c.bearer)
			}
			return nil
		}))
	if err != nil {
		panic(err) // the address is ours
	}
	return out
}

// queue queues a job for the creator's project.
func (c creator) queue(t *testing.T, api *process, quality client.Quality, variants int64) uuid.UUID {
	t.Helper()
	answer, err := c.at(api).QueueProjectWithResponse(t.Context(), c.project, nil, client.QueueRequest{
		Quality: quality, Variants: variants,
	})
	require.NoError(t, err)
	require.NotNil(t, answer.JSON201, string(answer.Body))
	return answer.JSON201.JobID
}

// job reads a job through the API.
func (c creator) job(t *testing.T, api *process, id uuid.UUID) client.Job {
	t.Helper()
	answer, err := c.at(api).GetJobWithResponse(t.Context(), id)
	require.NoError(t, err)
	require.NotNil(t, answer.JSON200, string(answer.Body))
	return *answer.JSON200
}

// awaitStage waits until a job is in a stage, which it must reach before its end.
func (c creator) awaitStage(t *testing.T, api *process, id uuid.UUID, stage client.JobStage) {
	t.Helper()
	eventuallyf(t, func() bool {
		job := c.job(t, api, id)
		require.NotEqual(t, client.JobStageDone, job.Stage, "it ended too soon")
		return job.Stage == stage
	}, "stage %s", stage)
}

// awaitSuccess waits for a job's success, and downloads its pictures.
func (c creator) awaitSuccess(t *testing.T, api *process, id uuid.UUID) client.Job {
	t.Helper()
	var job client.Job
	eventuallyf(t, func() bool {
		job = c.job(t, api, id)
		return job.Stage == client.JobStageDone
	}, "end of job %s", id)
	require.Equal(t, client.JobStatusSucceeded, job.Status)
	for _, render := range job.Renders {
		require.Equal(t, render.Asset.SizeBytes, download(t, api, render.Asset.URL))
	}
	return job
}

// download fetches a picture through an API process and returns its size.
func download(t *testing.T, api *process, signed string) int64 {
	t.Helper()
	u, err := url.Parse(signed)
	require.NoError(t, err)
	u.Host = api.http
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), http.NoBody)
	require.NoError(t, err)
	answer, err := web.Do(r)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, http.StatusOK, answer.StatusCode)
	n, err := io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	return n
}

// balance reads an account's credits, and fails if any account's ledger does not add up.
func (f *fixture) balance(t *testing.T, c creator) int64 {
	t.Helper()
	return factory.Balance(t, f.store, c.id)
}

// audit expects of every job that it has ended, was charged once, was refunded once where its end gives something back, and has just as many
// pictures as were ordered; and of every account that its balance is the sum of its ledger.
func (f *fixture) audit(t *testing.T) {
	t.Helper()
	rows, err := f.sql.Query(t.Context(), `
		select j.id, j.status, j.attempt from jobs j where j.status in ('queued', 'running') or j.lease_until is not null
			or (select count(*) from audit_logs a where a.job_id = j.id and a.action = 'job_charge') <> 1
			or (select count(*) from audit_logs a where a.job_id = j.id and a.action = 'job_refund') <> (j.refunded_credits > 0)::int
			or j.refunded_credits <> case j.status when 'failed' then j.cost_credits
				when 'canceled' then j.cost_credits * (j.variants - j.variants_begun) / j.variants else 0 end
			or (select count(*) from renders r where r.job_id = j.id) <> case j.status when 'succeeded' then j.variants else 0 end`)
	require.NoError(t, err)
	wrong, err := pgx.CollectRows(rows, pgx.RowToMap)
	require.NoError(t, err)
	require.Empty(t, wrong, "jobs that violate an invariant")
	imbalances, err := f.store.Queries().CreditImbalances(t.Context())
	require.NoError(t, err)
	require.Empty(t, imbalances, "balances that are not the sum of their ledger")
}

// count returns the number that a query yields.
func (f *fixture) count(t *testing.T, sql string, args ...any) int {
	t.Helper()
	var n int
	require.NoError(t, f.sql.QueryRow(t.Context(), sql, args...).Scan(&n))
	return n
}
