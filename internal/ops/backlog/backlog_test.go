package backlog_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/mugshot-studio/backend/gen/db"
	"github.com/mugshot-studio/backend/internal/catalog"
	"github.com/mugshot-studio/backend/internal/jobs"
	"github.com/mugshot-studio/backend/internal/ops/backlog"
	"github.com/mugshot-studio/backend/internal/platform/events"
	"github.com/mugshot-studio/backend/internal/platform/idempotency"
	"github.com/mugshot-studio/backend/internal/platform/postgres"
	"github.com/mugshot-studio/backend/test/kit/factory"
	"github.com/mugshot-studio/backend/test/kit/leaktest"
	"github.com/mugshot-studio/backend/test/kit/redistest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }

type world struct {
	*backlog.Service
	store   *postgres.Store
	jobs    *jobs.Service
	away    map[string]bool // models that nobody runs
	pushed  chan uuid.UUID
	user    db.User
	project db.Project
}

func setup(t *testing.T, balance int64) *world {
	t.Helper()
	w := &world{store: factory.Store(t), pushed: make(chan uuid.UUID, 100), away: map[string]bool{}}
	log := slog.New(slog.DiscardHandler)
	hub, err := events.Open(events.Config{RedisURL: redistest.URL(t), Namespace: redistest.Namespace(t)}, log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, hub.Close()) })
	push := func(_ context.Context, id uuid.UUID) error { w.pushed <- id; return nil }
	w.jobs = jobs.NewService(jobs.Deps{
		Store: w.store, Catalog: catalog.New(func(id string) bool { return !w.away[id] }, nil), Events: hub, Enqueue: push,
		Safety: factory.Safety(w.store, new(factory.Moderator)), Limits: jobs.Limits{UserJobs: 2}, Now: time.Now, NewID: factory.ID, Log: log,
	})
	w.Service = backlog.NewService(w.store, w.jobs, push)
	w.user = factory.User(t, w.store, balance)
	w.project = factory.Project(t, w.store, w.user.ID, nil)
	return w
}

func (w *world) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	tag, err := w.store.Pool().Exec(t.Context(), sql, args...)
	require.NoError(t, err)
	require.NotZero(t, tag.RowsAffected(), sql)
}

// order queues a job and takes its push, if it has a place.
func (w *world) order(t *testing.T) uuid.UUID {
	t.Helper()
	queued, _, err := w.jobs.Queue(t.Context(), w.user.ID, w.project.ID,
		jobs.JobRequest{Quality: catalog.Draft, Variants: 1}, idempotency.Key{})
	require.NoError(t, err)
	select {
	case <-w.pushed:
	default:
	}
	return queued.JobID
}

// failed is an order that failed with a code.
func (w *world) failed(t *testing.T, code string) uuid.UUID {
	t.Helper()
	id, message := w.order(t), "It failed."
	_, err := w.store.Queries().JobEnd(t.Context(), db.JobEndParams{
		ID: id, LedgerID: factory.ID(), Status: "failed", ErrorCode: &code, ErrorMessage: &message,
	})
	require.NoError(t, err)
	return id
}

func (w *world) mail(t *testing.T, status string) uuid.UUID {
	t.Helper()
	id := factory.ID()
	w.exec(t, `insert into outbox_mails (id, user_id, kind, status, attempt, error, lease_until)
		values ($1, $2, 'password_changed', $3, case $3 when 'queued' then 0 else 9 end, '550 no such user', case $3 when 'sending' then now() end)`,
		id, w.user.ID, status)
	return id
}

func TestLook(t *testing.T) {
	t.Parallel()
	w := setup(t, 100)
	empty, err := w.Look(t.Context())
	require.NoError(t, err)
	require.Equal(t, []backlog.Kind{{Name: "generate"}, {Name: "mail"}, {Name: "reply"}}, empty.Kinds)
	require.Empty(t, empty.Providers)

	w.failed(t, "internal")
	w.exec(t, "update jobs set finished_at = now() - interval '61 minutes'")
	w.failed(t, "content_blocked")
	running, retrying := w.order(t), w.order(t)
	w.order(t)
	w.order(t)
	_, err = w.store.Queries().JobClaim(t.Context(), db.JobClaimParams{ID: running, LeaseSeconds: 60, MaxAttempts: 4})
	require.NoError(t, err)
	w.exec(t, "update jobs set attempt = 1, run_at = now() + interval '1 minute' where id = $1", retrying)
	w.exec(t, "update jobs set queued_at = queued_at - interval '90 seconds' where id = $1", running)
	other := factory.User(t, w.store, 1)
	w.user, w.project = other, factory.Project(t, w.store, other.ID, nil)
	w.exec(t, "update jobs set waits_for = 'provider' where id = $1", w.order(t))
	for _, status := range []string{"queued", "sending", "sent", "failed", "failed"} {
		w.mail(t, status)
	}
	o, err := w.Look(t.Context())
	require.NoError(t, err)
	require.InDelta(t, 90, o.Kinds[0].Oldest.Seconds(), 20)
	require.InDelta(t, 0, o.Kinds[1].Oldest.Seconds(), 20)
	o.Kinds[0].Oldest, o.Kinds[1].Oldest = 0, 0
	require.Equal(t, backlog.Overview{
		Kinds: []backlog.Kind{
			{Name: "generate", Parked: 3, Retrying: 1, Running: 1, FailedLastHour: 1},
			{Name: "mail", Waiting: 1, Running: 1, FailedLastHour: 2},
			{Name: "reply"},
		},
		Providers: []backlog.Provider{{Name: "gemini", Running: 1, Parked: 1}},
	}, o)
}

func TestDead_mail(t *testing.T) {
	t.Parallel()
	w := setup(t, 0)
	id, other := w.mail(t, "failed"), w.mail(t, "failed")
	sent := w.mail(t, "sent")
	list, err := w.List(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, "mail", list[0].Kind)
	require.Equal(t, "password_changed: 550 no such user", list[0].Reason)

	retried, err := w.Retry(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, id, retried)
	require.Equal(t, id, <-w.pushed)
	row, err := w.store.Queries().MailClaim(t.Context(), db.MailClaimParams{ID: id, LeaseSeconds: 60, MaxAttempts: 10})
	require.NoError(t, err)
	require.EqualValues(t, 1, row.Attempt)
	require.NoError(t, w.Drop(t.Context(), other))
	for _, gone := range []uuid.UUID{id, other, sent, factory.ID()} {
		_, err = w.Retry(t.Context(), gone)
		require.ErrorIs(t, err, backlog.ErrNotDead)
		require.ErrorIs(t, w.Drop(t.Context(), gone), backlog.ErrNotDead)
	}
	list, err = w.List(t.Context(), 10)
	require.NoError(t, err)
	require.Empty(t, list)
}

// What failed through its owner's doing is nobody's business, and each failure is dealt with once.
func TestDead_job(t *testing.T) {
	t.Parallel()
	w := setup(t, 2)
	blocked := []uuid.UUID{w.failed(t, "content_blocked"), w.failed(t, "invalid_image")}
	first, second, third := w.failed(t, "internal"), w.failed(t, "worker_lost"), w.failed(t, "provider_failed")
	list, err := w.List(t.Context(), 10)
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Equal(t, []uuid.UUID{third, second, first}, []uuid.UUID{list[0].ID, list[1].ID, list[2].ID})
	require.Equal(t, "generate", list[0].Kind)
	require.Equal(t, "provider_failed", list[0].Reason)
	var table strings.Builder
	require.NoError(t, backlog.Write(&table, list))
	require.Regexp(t, `(?m)^`+first.String()+`  generate  \S+Z  0         "internal"$`, table.String())
	list, err = w.List(t.Context(), 1)
	require.NoError(t, err)
	require.Len(t, list, 1)

	repeated, err := w.Retry(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, repeated, <-w.pushed)
	require.EqualValues(t, 1, factory.Balance(t, w.store, w.user.ID), "paid again")
	was, err := w.jobs.Get(t.Context(), w.user.ID, first)
	require.NoError(t, err)
	require.Equal(t, "failed", was.Job.Status)
	is, err := w.jobs.Get(t.Context(), w.user.ID, repeated)
	require.NoError(t, err)
	require.Equal(t, "queued", is.Job.Status)
	require.Equal(t, was.Job.PromptID, is.Job.PromptID)
	require.Equal(t, was.Job.Seed, is.Job.Seed)
	project, err := w.store.Queries().ProjectGet(t.Context(), db.ProjectGetParams{ID: w.project.ID, UserID: w.user.ID})
	require.NoError(t, err)
	require.Equal(t, "queued", project.Project.Status)

	w.away["nano_banana"] = true
	_, err = w.Retry(t.Context(), second)
	require.ErrorIs(t, err, catalog.ErrModelUnavailable)
	w.away["nano_banana"] = false
	w.exec(t, "update jobs set model = 'fal_flux', mode = 'copy' where id = $1", second)
	_, err = w.Retry(t.Context(), second)
	require.ErrorIs(t, err, catalog.ErrModelUnavailable, "it can't do that any more")
	w.exec(t, "update jobs set model = 'nano_banana', mode = 'design' where id = $1", second)
	_, err = w.Retry(t.Context(), second)
	require.NoError(t, err)
	_, err = w.Retry(t.Context(), third)
	require.ErrorIs(t, err, jobs.ErrInsufficientCredits)
	require.NoError(t, w.Drop(t.Context(), third), "a refused retry changes nothing")
	for _, id := range append(blocked, first, second, third, repeated) {
		_, err = w.Retry(t.Context(), id)
		require.ErrorIs(t, err, backlog.ErrNotDead)
		require.ErrorIs(t, w.Drop(t.Context(), id), backlog.ErrNotDead)
	}
	_, err = w.jobs.Get(t.Context(), w.user.ID, third)
	require.NoError(t, err, "it stays in its owner's history")
	require.Zero(t, factory.Balance(t, w.store, w.user.ID))
}

// Operators who deal with the same job at the same moment charge its owner once.
func TestRetry_job_onceSideBySide(t *testing.T) {
	t.Parallel()
	w := setup(t, 10)
	id := w.failed(t, "worker_lost")
	var repeated, refused atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch _, err := w.Retry(context.Background(), id); {
			case err == nil:
				repeated.Add(1)
			case errors.Is(err, backlog.ErrNotDead):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, repeated.Load())
	require.EqualValues(t, 7, refused.Load())
	require.EqualValues(t, 9, factory.Balance(t, w.store, w.user.ID))
}
