//go:build psql

package process_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/client"
	"github.com/mugshot-studio/backend/test/devstack"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/pgtest"
)

// The deployment of docs/deployment.md with plain processes: the services of docker-compose.yml are started in its order and
// with its environment, a creator signs up and has a thumbnail drawn, every process is replaced under load without a failed
// request, and the creator goes on with the same session after a backup was restored.
func TestDeployment_worksAsDescribed(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	redis := newRedis(t)
	mails := catchMails(t)
	f := &fixture{redis: redis, dir: t.TempDir()}
	at := addresses{hosts: map[string]string{
		"postgres:5432": c.postgres(t), "redis:6379": host(t, redis.URL()), "mail:1025": mails.address,
	}, data: f.dir, api: freeAddress(t)}

	env := map[string][]string{}
	running := map[string]*process{}
	for _, name := range c.order(t) {
		service := c.Services[name]
		set := c.environment(t, name, at)
		c.takePassword(t, set, redis)
		set["HTTP_ADDR"], set["ADMIN_ADDR"] = at.api, freeAddress(t)
		env[name] = list(set)
		f.dsn = set["DATABASE_URL"]
		if len(service.Healthcheck.Test) == 0 { // runs once
			code, said := run(t, f.dir, env[name], service.Command...)
			require.Zero(t, code, said)
			continue
		}
		p := start(t, f.dir, env[name], service.Command...)
		p.http, p.admin = at.api, set["ADMIN_ADDR"]
		require.Equal(t, []string{"CMD", "/mugshot"}, service.Healthcheck.Test[:2])
		eventuallyf(t, func() bool {
			code, _ := run(t, f.dir, env[name], service.Healthcheck.Test[2:]...)
			return code == 0
		}, "health of %s", name)
		running[name] = p
	}
	require.Len(t, running, 2)
	f.connect(t)
	ada := f.mainJob(t, running["api"], mails)
	for name, p := range running {
		require.Contains(t, page(t, "http://"+p.admin+"/metrics"), "go_goroutines", name)
	}
	for name, p := range running {
		p.kill()
		code, said := run(t, f.dir, env[name], c.Services[name].Healthcheck.Test[2:]...)
		require.Equal(t, 1, code, said)
	}

	// Two APIs need addresses of their own. The test's accounts sign in more often than people do, with cheap hashes.
	tests := []string{"RATE_LIMIT_FACTOR=10000", "ARGON2_MEMORY_KIB=64", "ARGON2_ITERATIONS=1", "LOG_LEVEL=warn", "DRAIN_GRACE=500ms"}
	apiEnv, workerEnv := f.without(env["api"], tests...), f.without(env["worker"], tests...)
	f.roll(t, apiEnv, workerEnv)

	restored := pgtest.Empty(t)
	said, err := script(t, f, "restore-drill.sh", append(apiEnv, "DRILL_DATABASE_URL="+restored))
	require.NoError(t, err, said)
	require.Contains(t, said, "All is well")
	f.goOn(t, ada, restored, apiEnv, workerEnv)
}

// goOn replaces the database by a restored one. It expects that all rows of the ledger are there and add up, that the creator's
// session is still good for a job, and that the ledger adds up after it as well.
func (f *fixture) goOn(t *testing.T, ada creator, restored string, apiEnv, workerEnv []string) {
	t.Helper()
	entries, balance := f.count(t, "select count(*) from audit_logs"), f.balance(t, ada)
	f.dsn = restored
	f.connect(t)
	f.audit(t)
	require.Equal(t, entries, f.count(t, "select count(*) from audit_logs"))
	require.Equal(t, balance, f.balance(t, ada))
	here := "DATABASE_URL=" + restored
	api, worker := start(t, f.dir, append(apiEnv, here), "api"), start(t, f.dir, append(workerEnv, here), "worker")
	api.awaitReady(t, api.http)
	worker.awaitReady(t, worker.admin)
	done := ada.awaitSuccess(t, api, ada.queue(t, api, client.QualityDraft, 1))
	require.Equal(t, balance-done.CostCredits, f.balance(t, ada))
	f.audit(t)
	code, said := run(t, f.dir, append(apiEnv, here), "verify")
	require.Zero(t, code, said)
}

// postgres starts a server with the user and the database that the Compose file sets, and returns its address.
func (c compose) postgres(t *testing.T) (address string) {
	t.Helper()
	wanted := c.Services["postgres"].Environment
	server := pgtest.Server(t)
	admin, err := pgx.Connect(t.Context(), server.DSN("postgres"))
	require.NoError(t, err)
	defer func() { require.NoError(t, admin.Close(context.Background())) }()
	user := pgx.Identifier{wanted["POSTGRES_USER"]}.Sanitize()
	for _, statement := range []string{
		"create role " + user + " login superuser password '" + wanted["POSTGRES_PASSWORD"] + "'",
		"create database " + pgx.Identifier{wanted["POSTGRES_DB"]}.Sanitize() + " owner " + user,
	} {
		_, err := admin.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	return host(t, server.DSN("postgres"))
}

// takePassword checks that the services agree on the password of Redis, and replaces its address by that of the test's Redis.
func (c compose) takePassword(t *testing.T, env map[string]string, redis *devstack.Redis) {
	t.Helper()
	u, err := url.Parse(env["REDIS_URL"])
	require.NoError(t, err)
	password, _ := u.User.Password()
	require.Equal(t, c.Services["redis"].Environment["REDIS_PASSWORD"], password)
	env["REDIS_URL"] = redis.URL()
}

func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Host
}

// connect connects the test itself to the database.
func (f *fixture) connect(t *testing.T) {
	t.Helper()
	f.store = factory.StoreAt(t, f.dsn)
	f.reopen(t, f.dsn)
}

// mainJob signs up, confirms the address and has a picture drawn.
func (f *fixture) mainJob(t *testing.T, api *process, mails *catcher) (ada creator) {
	t.Helper()
	ada = creator{email: uuid.NewString()[:18] + "@example.com"}
	signUp(t, api, func() string { return mails.mailTo(ada.email) }, &ada)
	me, err := ada.at(api).GetMeWithResponse(t.Context())
	require.NoError(t, err)
	require.NotNil(t, me.JSON200, string(me.Body))
	ada.id = me.JSON200.ID
	project, err := ada.at(api).CreateProjectWithResponse(t.Context(), nil, client.ProjectCreate{
		Mode: client.ProjectModeDesign, Platform: "youtube", Prompt: client.Prompt{Headline: "I built a robot"},
	})
	require.NoError(t, err)
	require.NotNil(t, project.JSON201, string(project.Body))
	ada.project = project.JSON201.ID
	done := ada.awaitSuccess(t, api, ada.queue(t, api, client.QualityStd, 2)) // credits are the bonus for signing up
	require.Len(t, done.Renders, 2)
	return ada
}

// without returns an environment without addresses, which each process then gets its own of, and with more in it.
func (f *fixture) without(env []string, more ...string) []string {
	var kept []string
	for _, entry := range env {
		if name, _, _ := strings.Cut(entry, "="); name != "HTTP_ADDR" && name != "ADMIN_ADDR" && name != "PUBLIC_API_URL" {
			kept = append(kept, entry)
		}
	}
	return append(kept, more...)
}

func page(t *testing.T, address string) string {
	t.Helper()
	answer, err := web.Get(address)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode, string(body))
	return string(body)
}
