package backlog_test

import (
	"context"
	"log/slog"
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

// fixture is a backlog over an account that queues jobs.
type fixture struct {
	*backlog.Service
	store   *postgres.Store
	jobs    *jobs.Service
	away    map[string]bool // models without a provider
	pushed  chan uuid.UUID
	user    db.User
	project db.Project
}

func setup(t *testing.T, balance int64) *fixture {
	t.Helper()
	f := &fixture{store: factory.Store(t), pushed: make(chan uuid.UUID, 100), away: map[string]bool{}}
	log := slog.New(slog.DiscardHandler)
	hub, err := events.Open(events.Config{RedisURL: redistest.URL(t), Namespace: redistest.Namespace(t)}, log)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, hub.Close()) })
	push := func(_ context.Context, id uuid.UUID) error { f.pushed <- id; return nil }
	f.jobs = jobs.NewService(jobs.Deps{
		Store: f.store, Catalog: catalog.New(func(id string) bool { return !f.away[id] }, nil), Events: hub, Enqueue: push,
		Safety: factory.Safety(f.store, new(factory.Moderator)), Limits: jobs.Limits{UserJobs: 2}, Now: time.Now, NewID: factory.ID, Log: log,
	})
	f.Service = backlog.NewService(f.store, f.jobs, push)
	f.user = factory.User(t, f.store, balance)
	f.project = factory.Project(t, f.store, f.user.ID, nil)
	return f
}

func (f *fixture) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	tag, err := f.store.Pool().Exec(t.Context(), sql, args...)
	require.NoError(t, err)
	require.NotZero(t, tag.RowsAffected(), sql)
}

// order queues a job and takes its push, if it has a slot.
func (f *fixture) order(t *testing.T) uuid.UUID {
	t.Helper()
	queued, _, err := f.jobs.Queue(t.Context(), f.user.ID, f.project.ID,
		jobs.JobRequest{Quality: catalog.Draft, Variants: 1}, idempotency.Key{})
	require.NoError(t, err)
	select {
	case <-f.pushed:
	default:
	}
	return queued.JobID
}

// failed is an order that failed with a code.
func (f *fixture) failed(t *testing.T, code string) uuid.UUID {
	t.Helper()
	id, message := f.order(t), "It failed."
	_, err := f.store.Queries().JobEnd(t.Context(), db.JobEndParams{
		ID: id, LedgerID: factory.ID(), Status: "failed", ErrorCode: &code, ErrorMessage: &message,
	})
	require.NoError(t, err)
	return id
}

func (f *fixture) mail(t *testing.T, status string) uuid.UUID {
	t.Helper()
	id := factory.ID()
	f.exec(t, `insert into outbox_mails (id, user_id, kind, status, attempt, error, lease_until)
		values ($1, $2, 'password_changed', $3, case $3 when 'queued' then 0 else 9 end, '550 no such user', case $3 when 'sending' then now() end)`,
		id, f.user.ID, status)
	return id
}
