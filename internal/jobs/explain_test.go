package jobs_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/factory"
)

// explained is a project whose jobs are explained, and what the explainer is told from outside Postgres.
type explained struct {
	*jobs.Explainer

	store       *postgres.Store
	project     db.Project
	breakerOpen bool
	redisErr    error
}

func setupExplain(t *testing.T) *explained {
	t.Helper()
	e := &explained{store: factory.Store(t)}
	e.Explainer = jobs.NewExplainer(jobs.ExplainerDeps{
		Store: e.store, Limits: jobs.Limits{UserJobs: 2, ProviderCalls: 3, MaxAge: 2 * time.Hour},
		BreakerOpen: func(modelID string) bool { return e.breakerOpen && modelID == "nano_banana" },
		RepushAfter: func(context.Context) (time.Duration, error) { return 20 * time.Second, e.redisErr },
	})
	e.project = factory.Project(t, e.store, factory.User(t, e.store, 0).ID, func(p *db.ProjectCreateParams) {
		p.Headline = "SECRET HEADLINE"
	})
	return e
}

// insert makes a queued job, and sets some of its columns.
func (e *explained) insert(t *testing.T, set string) uuid.UUID {
	t.Helper()
	id := factory.ID()
	_, err := e.store.Pool().Exec(t.Context(), `insert into jobs (id, project_id, user_id, prompt_id, mode, platform, model,
		provider, quality, variants, width, height, seed, cost_credits, pushed_at)
		values ($1, $2, $3, $4, 'design', 'youtube', 'nano_banana', 'gemini', 'draft', 1, 1280, 720, 1, 1, now())`,
		id, e.project.ID, e.project.UserID, e.project.PromptID)
	require.NoError(t, err)
	if set != "" {
		_, err = e.store.Pool().Exec(t.Context(), "update jobs set "+set+" where id = $1", id)
		require.NoError(t, err)
	}
	return id
}

const (
	running  = "status = 'running', stage = 'generating', progress = 40, attempt = 1, provider_slot = 1, lease_until = now() + interval '20 seconds'"
	lapsed   = "status = 'running', attempt = 1, lease_until = now() - interval '5 seconds', pushed_at = now() - interval '1 minute'"
	inFuture = "attempt = 1, run_at = now() + interval '30 seconds', pushed_at = null"
)

// print explains a job as the command prints it.
func (e *explained) print(t *testing.T, id uuid.UUID) string {
	t.Helper()
	explanation, err := e.Explain(t.Context(), id)
	require.NoError(t, err)
	var out strings.Builder
	require.NoError(t, explanation.Write(&out))
	require.Contains(t, out.String(), id.String())
	for _, secret := range []string{"SECRET", "@example.com"} {
		require.NotContains(t, out.String(), secret)
	}
	return out.String()
}

func TestExplainer_namesTheReason(t *testing.T) {
	t.Parallel()
	e := setupExplain(t)
	for name, c := range map[string]struct {
		set  string
		want []string
	}{
		"pushed": {"", []string{
			"queued, stage waiting, 0 %", "0 of 4", "0 times by the sweeper", "next push", "in 20s", "unless an attempt is under way",
			"It waits because no worker has taken its id from Redis. If all workers are busy, start more",
		}},
		"pushed again": {"pushes = 2, pushed_at = now()", []string{"2 times by the sweeper", "in 1m20s"}},
		"not pushed":   {"pushed_at = null", []string{"not yet", "It waits because its id is not in Redis yet", "no worker sweeps"}},
		"due again":    {"attempt = 1, pushed_at = now() - interval '2 seconds', run_at = now() - interval '1 second'", []string{"1 of 4", "not yet"}},
		"retry": {inFuture + ", error_code = 'provider_busy', error_message = 'The model did not deliver this time.'", []string{
			"provider_busy: The model did not deliver this time.", "in 30s", "not before run_at",
			"It waits because attempt 1 failed (provider_busy), and the next one begins after 20",
		}},
		"released": {inFuture, []string{"It waits because a worker put it back until 20", "without a failure."}},
		"running":  {running, []string{"stage generating, 40 %", "in 20s", "It does not wait: a worker draws it"}},
		"lapsed": {lapsed, []string{
			"5s ago", "not yet", "It waits because its worker stopped renewing the lease: the next worker",
		}},
		"lapsed and pushed": {lapsed + ", pushes = 1", []string{"next push"}},
		"lapsed at the last attempt": {"status = 'running', attempt = 4, lease_until = now() - interval '5 seconds'", []string{
			"4 of 4", "the sweeper fails and refunds it within a second",
		}},
		"too old": {"queued_at = now() - interval '3 hours'", []string{"1h0m0s ago, unless", "older than JOB_MAX_AGE"}},
		"succeeded": {"status = 'succeeded', stage = 'done', progress = 100, finished_at = now()", []string{
			"ended", "It does not wait: it succeeded.",
		}},
		"canceled": {"status = 'canceled', stage = 'done', finished_at = now(), refunded_credits = 1", []string{
			"refunded       1 of 1 credits", "It does not wait: it was canceled.",
		}},
		"failed": {"status = 'failed', stage = 'done', finished_at = now(), refunded_credits = 1, error_code = 'internal', error_message = 'Oh.'", []string{
			"internal: Oh.", "It does not wait: it failed. `mugshot worker dead retry ",
		}},
	} {
		out := e.print(t, e.insert(t, c.set))
		for _, want := range c.want {
			require.Contains(t, out, want, name)
		}
	}
	blocked := e.print(t, e.insert(t, "status = 'failed', finished_at = now(), error_code = 'content_blocked', error_message = 'No.'"))
	require.NotContains(t, blocked, "retry", "its owner has to mend it")
}

func TestExplainer_countsTheWaitListOfTheAccount(t *testing.T) {
	t.Parallel()
	e := setupExplain(t)
	e.insert(t, "waits_for = 'account', run_at = now() - interval '2 seconds'")
	e.insert(t, "waits_for = 'account', run_at = now() - interval '1 second'")
	last := e.insert(t, "waits_for = 'account'")
	e.insert(t, inFuture)
	out := e.print(t, last)
	require.Contains(t, out, "1 in play of 2, number 3 in the account's wait list")
	require.Contains(t, out, "the sweeper has not yet given it the slot of its account that is free")
	e.insert(t, running)
	out = e.print(t, last)
	require.Contains(t, out, "2 in play of 2, number 3 in the account's wait list")
	require.Contains(t, out, "not while it waits for a slot")
	require.Contains(t, out, "It waits because its account has 2 jobs in play, as many as it may have at once, and 2 of its jobs go first.")
	require.Contains(t, out, "WORKER_USER_JOBS")
}

func TestExplainer_countsTheSlotsOfTheProvider(t *testing.T) {
	t.Parallel()
	e := setupExplain(t)
	e.insert(t, "waits_for = 'provider', run_at = now() - interval '1 second'")
	last := e.insert(t, "waits_for = 'provider'")
	slot := func(n int, job uuid.UUID) {
		_, err := e.store.Pool().Exec(t.Context(), "insert into provider_slots (provider, slot, job_id) values ('gemini', $1, $2)", n, job)
		require.NoError(t, err)
	}
	slot(1, e.insert(t, running))
	slot(2, e.insert(t, strings.ReplaceAll(running, "provider_slot = 1", "provider_slot = 2")))
	slot(3, e.insert(t, "")) // it has come back from there
	out := e.print(t, last)
	require.Contains(t, out, "2 of 3 slots taken")
	require.Contains(t, out, "number 2 in the wait list of gemini")
	require.Contains(t, out, "the sweeper has not yet given it a slot of gemini that is free")
	_, err := e.store.Pool().Exec(t.Context(), "update provider_slots set job_id = $1 where slot = 3",
		e.insert(t, strings.ReplaceAll(running, "provider_slot = 1", "provider_slot = 3")))
	require.NoError(t, err)
	out = e.print(t, last)
	require.Contains(t, out, "It waits because gemini draws 3 jobs, as many as it may at once, and 1 jobs go first.")
	require.Contains(t, out, "PROVIDER_MAX_CALLS")
}

func TestExplainer_tellsOfTheBreakerAndOfRedis(t *testing.T) {
	t.Parallel()
	e := setupExplain(t)
	e.breakerOpen, e.redisErr = true, errors.New("away")
	out := e.print(t, e.insert(t, inFuture+", error_code = 'provider_busy', error_message = 'Busy.'"))
	require.Contains(t, out, "open for nano_banana")
	require.Contains(t, out, "look whether the provider is down")
	require.Contains(t, e.print(t, e.insert(t, "")), "not known: Redis does not answer")
	require.NotContains(t, e.print(t, e.insert(t, "status = 'succeeded', finished_at = now()")), "breaker")
}

func TestExplainer_unknownID(t *testing.T) {
	t.Parallel()
	_, err := setupExplain(t).Explain(t.Context(), factory.ID())
	require.ErrorIs(t, err, jobs.ErrNotFound)
}
